"""Loading hostile checkpoints: one line of error, nothing executed, nothing large allocated, nothing written."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from training.checkpoint import Checkpoint, load_checkpoint
from training.errors import TrainingError
from training.network import StyleNetwork
from training.safe_load import LEGACY_MAGIC, SIZE_LIMIT, load_torch_file

TEBI = 1 << 40


class Storage:
    """Is pickled as torch's reference to a storage of `items` floats."""

    def __init__(self, items: int, key: str = "0") -> None:
        self.items, self.key = items, key


class Tensor:
    """Is pickled as torch pickles a tensor."""

    def __init__(self, storage: Storage, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> None:
        self.arguments: tuple[Any, ...] = (storage, offset, size, stride, False, {})

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return torch._utils._rebuild_tensor_v2, self.arguments


class Writer(pickle._Pickler):
    def persistent_id(self, thing: Any) -> Any:
        if isinstance(thing, Storage):
            return ("storage", torch.FloatStorage, thing.key, "cpu", thing.items) + ((None,) if self.legacy else ())
        return None

    legacy = False


def pickled(thing: Any, legacy: bool = False) -> bytes:
    data = io.BytesIO()
    writer = Writer(data, protocol=2)
    writer.legacy = legacy
    writer.dump(thing)
    return data.getvalue()


def write_legacy_file(path: Path, thing: Any) -> Path:
    parts: list[Any] = [LEGACY_MAGIC, 1001, {}, thing, ["0"]]
    path.write_bytes(b"".join(pickled(part, legacy=True) for part in parts) + bytes(64))
    return path


def write_zip_file(path: Path, thing: Any, record: bytes = bytes(64), method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", thing if isinstance(thing, bytes) else pickled(thing))
        archive.writestr("archive/data/0", record)
        archive.writestr("archive/version", b"3\n")
    return path


WRITERS = {"zip": write_zip_file, "legacy": write_legacy_file}


@pytest.fixture
def torch_must_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any, **__: Any) -> None:
        pytest.fail("the file reached torch.load")

    monkeypatch.setattr(torch, "load", load)


@pytest.mark.parametrize("kind", WRITERS)
def test_valid_file_of_each_format_loads(tmp_path: Path, kind: str) -> None:
    """Otherwise the tests below would prove nothing."""
    path = WRITERS[kind](tmp_path / "good", {"x": Tensor(Storage(16), (4, 4), (4, 1))})
    if kind == "legacy":  # each storage is a count and the items
        path.write_bytes(path.read_bytes()[:-64] + (16).to_bytes(8, "little") + bytes(64))
    assert load_torch_file(path)["x"].shape == (4, 4)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor(Storage(TEBI), (TEBI,), (1,)), r"claims a tensor of 4,398,046,511,104 bytes"),
        (Tensor(Storage(-1), (1,), (1,)), r"not a tensor's storage"),
        (Tensor(Storage(8), (1 << 20, 1 << 20), (1 << 20, 1)), r"shape \(1048576, 1048576\) claims more"),
        (Tensor(Storage(8), (1 << 20, 1 << 20), (0, 0)), r"shape \(1048576, 1048576\) claims more"),
        (Tensor(Storage(8), (4,), (4,)), r"shape \(4,\) claims more"),
        (Tensor(Storage(8), (4,), (1,), offset=TEBI), r"shape \(4,\) claims more"),
        (Tensor(Storage(8), (4,), (-1,)), r"shape is broken"),
        (Tensor(Storage(8), (4, 1), (1,)), r"shape is broken"),
        (Tensor(Storage(8, "9"), (8,), (1,)), None),
    ],
)
@pytest.mark.usefixtures("torch_must_not_load")
def test_tensor_larger_than_its_file_is_refused(tmp_path: Path, kind: str, tensor: Tensor, message: str | None) -> None:
    if message is None:
        if kind == "legacy":
            return  # a legacy file has no named storages
        message = "claims a tensor of 32 bytes"
    path = WRITERS[kind](tmp_path / "greedy.pt", {"weights": tensor})
    with pytest.raises(TrainingError, match=rf"greedy\.pt is not a checkpoint: .*{message}"):
        load_torch_file(path)


@pytest.mark.usefixtures("torch_must_not_load")
def test_many_small_tensors_larger_than_the_file_together_are_refused(tmp_path: Path) -> None:
    tensors = [Tensor(Storage(200, str(number)), (200,), (1,)) for number in range(50)]
    with pytest.raises(TrainingError, match="more than there are"):
        load_torch_file(write_legacy_file(tmp_path / "many", tensors))


class Call:
    """Is pickled as a call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.usefixtures("torch_must_not_load")
def test_function_call_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    marker = tmp_path / "executed"
    path = WRITERS[kind](tmp_path / "evil.pt", {"x": Call(os.system, f"touch {marker}")})
    with pytest.raises(TrainingError, match=r"evil\.pt .*'(posix|nt)\.system', which is not a tensor"):
        load_torch_file(path)
    assert not marker.exists()


@pytest.mark.usefixtures("torch_must_not_load")
def test_plain_pickle_is_refused_before_it_executes(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Call(os.system, f"touch {marker}")))
    with pytest.raises(TrainingError, match=r"evil\.pt is not a checkpoint"):
        load_torch_file(tmp_path / "evil.pt")
    assert not marker.exists()


@pytest.mark.usefixtures("torch_must_not_load")
def test_allocating_function_is_refused(tmp_path: Path) -> None:
    """torch's own reader allows bytearray(n)."""
    with pytest.raises(TrainingError, match=r"'(builtins|__builtin__)\.bytearray'"):
        load_torch_file(write_zip_file(tmp_path / "x", {"x": Call(bytearray, TEBI)}))


@pytest.mark.usefixtures("torch_must_not_load")
def test_malformed_pickle_is_refused(tmp_path: Path) -> None:
    deep = b"\x80\x02}" + b")" + b"\x85" * 900_000 + b"K\x01s."  # a key of nested tuples
    memo = b"\x80\x02K\x01r\xff\xff\xff\xff."  # a memo index of 4 billion
    long_text = b"\x80\x02X\xff\xff\xff\xffabc."  # a text of 4 GB
    array = b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"abc."  # an array of a terabyte
    for name, data in {"deep": deep, "memo": memo, "text": long_text, "array": array}.items():
        for path in (write_zip_file(tmp_path / f"{name}.zip", data), tmp_path / f"{name}.pkl"):
            if not path.exists():
                path.write_bytes(data)
            if path.name == "memo.zip":
                continue  # harmless: the reader's memo is a dictionary
            with pytest.raises(TrainingError, match="is not a checkpoint"):
                load_torch_file(path)


@pytest.mark.usefixtures("torch_must_not_load")
def test_large_or_compressed_file_is_refused(tmp_path: Path) -> None:
    bomb = write_zip_file(tmp_path / "bomb.pt", {}, bytes(SIZE_LIMIT + 1), zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(TrainingError, match=r"bomb\.pt is not a checkpoint: it unpacks to more than 256 MiB"):
        load_torch_file(bomb)
    with pytest.raises(TrainingError, match="compressed"):
        load_torch_file(write_zip_file(tmp_path / "small.pt", {}, bytes(1 << 20), zipfile.ZIP_DEFLATED))
    with (tmp_path / "large.pt").open("wb") as large:
        large.truncate(SIZE_LIMIT + 1)
    with pytest.raises(TrainingError, match=r"large\.pt is larger than 256 MiB"):
        load_torch_file(tmp_path / "large.pt")


@pytest.mark.usefixtures("torch_must_not_load")
def test_file_of_another_kind_is_refused_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 8)
    (tmp_path / "text").write_text("hello\n")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "hello")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("net/code/net.py", "")
        archive.writestr("net/data.pkl", "")
    whole = write_zip_file(tmp_path / "cut.pt", {}).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    for name, message in {
        "missing": "No such file or directory",
        ".": "is not a file",
        "pipe": "is not a file",
        "empty": "it is empty",
        "noise": "is not a checkpoint",
        "text": "is not a checkpoint",
        "other.zip": "not written by torch.save",
        "script.pt": "TorchScript program",
        "cut.pt": "is not a checkpoint",
    }.items():
        with pytest.raises(TrainingError, match=message) as caught:
            load_torch_file(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_pickled_network_is_refused_and_told_to_save_state_dict(tmp_path: Path) -> None:
    torch.save(StyleNetwork(1), tmp_path / "whole.pt")
    with pytest.raises(TrainingError, match=r"'training\.network\.StyleNetwork'.*state_dict\(\) instead"):
        load_torch_file(tmp_path / "whole.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": {"channels": 10**9}}, "larger than 1024"),
        ({"architecture": {"channels": True}}, "larger than 1024"),
        ({"architecture": {"normalized_stem": 2}}, "larger than 1024"),
        ({"architecture": {"channels": 1024, "outer": 1024, "blocks": 1024}}, "lacks 'trunk"),
        ({"architecture": {"channels": 8, "colour": 1}}, "colour"),
        ({"architecture": None}, "NoneType"),
        ({"styles": ["a"] * 6}, "styles"),
        ({"styles": [f"s{n}" for n in range(5)]}, r"is \(2, 16\), but \(5, 16\) was expected"),
        ({"styles": [1, 2]}, "list of names"),
        ({"photos": "many"}, "count of photos"),
        ({"weights": []}, "no dictionary"),
        ({"weights": {}}, r"lacks 'stem\.conv\.weight', 'stem\.norm\.scale', 'stem\.norm\.shift' \.\.\."),
        ({"optimizer": 7}, "int"),
    ],
)
def test_checkpoint_with_wrong_part_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "odd.pt"
    Checkpoint(StyleNetwork(2), ["a", "b"]).save(path)
    torch.save(torch.load(path, weights_only=True) | change, path)
    with pytest.raises(TrainingError, match=rf"odd\.pt does not hold its network: .*{message}"):
        load_checkpoint(path)


def test_checkpoint_without_architecture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.pt"
    torch.save({"format": "realtime-stylize/1"}, path)
    with pytest.raises(TrainingError, match="no 'architecture' in it"):
        load_checkpoint(path)
