"""Loading of untrusted files of torch.save: no code in them is executed, and no memory allocated beyond their size.

torch.load with weights_only runs no code from the file, but it trusts the sizes that the file claims: a hundred bytes
can ask for terabytes. So the file's pickles are first read by an unpickler that knows little more than dictionaries
and tensors, creates no tensor, and compares every claimed size with the bytes that are in the file.
"""

from __future__ import annotations

import io
import math
import pickle
import stat
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from training.errors import TrainingError

SIZE_LIMIT = 256 << 20  # bytes, for the file and for the unpacked size that a zip file claims
PICKLE_LIMIT = 1 << 20  # bytes; weights are stored outside the pickles
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # content of the first pickle in the format before torch 1.6

_OPCODES = (
    "PROTO STOP MARK EMPTY_DICT EMPTY_LIST EMPTY_TUPLE NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT "
    "BINUNICODE SHORT_BINSTRING BINSTRING TUPLE TUPLE1 TUPLE2 TUPLE3 APPEND APPENDS SETITEM SETITEMS BINPUT "
    "LONG_BINPUT BINGET LONG_BINGET GLOBAL REDUCE BUILD BINPERSID"
)  # exactly those that torch.save writes (pickle protocol 2)
_ITEM_SIZES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1,
}  # fmt: skip


def load_torch_file(path: Path) -> Any:
    """Load what torch.save wrote: tensors on the CPU in plain containers. Raises TrainingError on anything else."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise TrainingError(f"{path} is not a file")
        if status.st_size > SIZE_LIMIT:
            raise TrainingError(f"{path} is larger than {SIZE_LIMIT >> 20} MiB: not a style network's checkpoint")
        with path.open("rb") as file:
            _inspect(file, status.st_size)
            file.seek(0)
            return torch.load(file, map_location="cpu", weights_only=True)
    except TrainingError:
        raise
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror or error}") from error
    except _Rejected as error:
        raise TrainingError(f"{path} is not a checkpoint: {error}") from error
    except Exception as error:  # a damaged file can raise anything inside the readers
        raise TrainingError(f"{path} is not a checkpoint that torch can read") from error


def check_weights(expected: Mapping[str, Tensor], found: Any, what: str) -> dict[str, Tensor]:
    """Return `found` if it has exactly the names and shapes of `expected`, whose tensors may be on the meta device.

    what: the network's name, for the message. Raises TrainingError where names, shapes or types differ.
    """
    if not isinstance(found, Mapping):
        raise TrainingError(f"its weights are no dictionary, but {what} was expected")
    for problem, names in (
        ("lacks", [name for name in expected if name not in found]),
        ("has the unknown", [name for name in found if name not in expected]),
    ):
        if names:
            shown = ", ".join(repr(name) for name in names[:3]) + (" ..." if len(names) > 3 else "")
            raise TrainingError(f"it {problem} {shown}, but {what} was expected")
    for name, tensor in expected.items():
        weight = found[name]
        if not isinstance(weight, Tensor) or not weight.is_floating_point() or weight.shape != tensor.shape:
            shape = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
            raise TrainingError(f"{name!r} is {shape}, but {tuple(tensor.shape)} was expected")
    return dict(found)


class _Rejected(Exception):
    """The reason why the file is not read any further."""


def _inspect(file: BinaryIO, size: int) -> None:
    """Raise _Rejected unless the file is one of torch.save's two formats and claims no more than it holds."""
    if size == 0:
        raise _Rejected("it is empty")
    if file.read(4) == b"PK\x03\x04":
        _inspect_zip(file)
        return
    file.seek(0)
    data = io.BytesIO(file.read(PICKLE_LIMIT))  # reads from memory, where a false length allocates nothing
    if _SizeChecker(data, {}, size).load() != LEGACY_MAGIC:
        raise _Rejected("not written by torch.save")
    for _ in range(3):  # the protocol's version, the machine's number sizes, the object itself
        _SizeChecker(data, {}, size).load()


def _inspect_zip(file: BinaryIO) -> None:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > SIZE_LIMIT:
            raise _Rejected(f"it unpacks to more than {SIZE_LIMIT >> 20} MiB")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise _Rejected("it is compressed, which torch.save's files never are")
        if any("/code/" in entry.filename for entry in entries):
            raise _Rejected("it is a TorchScript program; save the network's state_dict() instead")
        pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or len({entry.filename for entry in entries}) != len(entries):
            raise _Rejected("a zip file, but not written by torch.save")
        if pickles[0].file_size > PICKLE_LIMIT:
            raise _Rejected(f"its structure takes more than {PICKLE_LIMIT >> 20} MiB")
        root = pickles[0].filename.removesuffix("data.pkl")
        records = {e.filename.removeprefix(f"{root}data/"): e.file_size for e in entries}
        _SizeChecker(io.BytesIO(archive.read(pickles[0])), records, None).load()


class _Call:
    """A function that the pickle may call; it has no attributes that the pickle could set."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def _check_view(items: Any, offset: Any, size: Any, stride: Any, *_: Any) -> None:
    numbers = [items, offset, *size, *stride]
    if any(type(number) is not int or number < 0 for number in numbers) or len(size) != len(stride):
        raise _Rejected("a tensor's shape is broken")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) > items or (math.prod(size) > 0 and last >= items):
        raise _Rejected(f"a tensor of shape {tuple(size)} claims more than there is")


def _first(first: Any, *_: Any) -> Any:
    return first


_CALLS = {
    "_rebuild_tensor": _Call(_check_view),
    "_rebuild_tensor_v2": _Call(_check_view),
    "_rebuild_parameter": _Call(_first),
}


def _with_plain_keys(opcode: bytes) -> Callable[[Any], None]:
    """Return a handler that fills a dictionary with plain keys: hashing deeply nested tuples overflows the C stack."""
    standard = pickle._Unpickler.dispatch[opcode[0]]

    def fill(reader: Any) -> None:
        keys = reader.stack[::2] if opcode == pickle.SETITEMS else reader.stack[-2:-1]
        if any(type(key) not in (str, int) for key in keys):
            raise _Rejected("a dictionary in it has keys that are neither names nor numbers")
        standard(reader)

    return fill


class _SizeChecker(pickle._Unpickler):
    """A reader of torch.save's pickles that creates no tensor and raises _Rejected where one exceeds the file.

    It derives from the standard library's unpickler in Python, not in C: that one's memo is a dictionary, so a large
    index allocates nothing.
    """

    dispatch = {
        code: pickle._Unpickler.dispatch[code] for code in (getattr(pickle, name)[0] for name in _OPCODES.split())
    } | {code[0]: _with_plain_keys(code) for code in (pickle.SETITEM, pickle.SETITEMS)}

    def __init__(self, data: BinaryIO, records: Mapping[str, int], total: int | None) -> None:
        """records: bytes of each storage in a zip file; total: bytes of all storages together in a legacy file."""
        super().__init__(data, encoding="utf-8")
        self._records, self._total = records, total
        self._storages: dict[str, int] = {}  # items, by key

    def find_class(self, module: str, name: str) -> Any:
        item_size = _ITEM_SIZES.get(name.removesuffix("Storage")) if name.endswith("Storage") else None
        if module == "torch" and item_size is not None:
            return item_size
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name in _CALLS:
            return _CALLS[name]
        raise _Rejected(
            f"it holds {f'{module}.{name}'[:80]!r}, which is not a tensor; save the network's state_dict() instead"
        )

    def persistent_load(self, pid: Any) -> int:
        """Return the number of items of a storage, after comparing its size with the bytes in the file."""
        kind, item_size, key, _, items = pid[:5]
        if kind != "storage" or type(item_size) is not int or type(items) is not int or items < 0:
            raise _Rejected("it refers to something that is not a tensor's storage")
        if any(view is not None for view in pid[5:]):
            raise _Rejected("it has views of storages, which only files from before torch 0.4 have")
        if self._total is None:
            fits = item_size * items <= self._records.get(str(key), -1)
        else:
            self._storages[str(key)] = item_size * items
            fits = sum(self._storages.values()) <= self._total
        if not fits:
            raise _Rejected(f"it claims a tensor of {item_size * items:,} bytes, more than there are")
        return items
