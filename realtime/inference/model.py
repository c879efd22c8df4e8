"""Model files: reading one, checking its format, and the styles in its metadata."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from realtime.errors import EngineError, ModelError, printable
from realtime.inference.network_content import NetworkContent, network_content
from realtime.inference.onnx_runtime import forbid_external_data, onnxruntime
from realtime.system.files import read_limited
from realtime.system.toml_file import shorten_text

MODEL_FORMAT_VERSION = "1"  # the format that this program reads; export/graph.py describes and writes it
MAX_FILE_BYTES = 256 << 20
MAX_MULTIPLE = 256  # images are enlarged to multiples of it
MAX_TEXT = 200  # characters of a name or title
_OP_TYPE = 0x22  # protobuf's tag of a node's operator; its name's length and the name follow
CONTROL_FLOW = (b"Loop", b"Scan", b"If")  # operators whose run nothing can interrupt
INT8_SUFFIX = ".int8.onnx"  # ends the name of a model's int8 sibling
LEARNING_SUFFIX = ".learning.onnx"  # follows a style's name in the file that its training writes again and again


@dataclass(frozen=True)
class Style:
    """One style of a model, learnt from one painting.

    name: what the user types. row: its index in the model's `style` input.
    title, artist, year: of the painting, empty where unknown.
    """

    name: str
    row: int
    title: str = ""
    artist: str = ""
    year: str = ""

    @property
    def label(self) -> str:
        """The words for users: the painting's title and artist, or else the name."""
        title = self.title or self.name
        return f"{title} · {self.artist}" if self.artist else title


@dataclass(frozen=True)
class Model:
    """A model file, read and checked.

    data: the ONNX bytes. multiple: what an image's height and width must be divisible by.
    trunk_digest: a digest of the convolutions that its styles share, the key `trunk` of the metadata; empty if the
    file has none. Styles of files with the same digest can be mixed in one network.
    int8: the bytes of its int8 sibling, for CPUs with int8 instructions; None if there is none.
    """

    path: Path
    data: bytes
    styles: tuple[Style, ...]
    multiple: int
    trunk_digest: str = ""
    int8: bytes | None = None

    @cached_property
    def content(self) -> NetworkContent | None:
        """What the file computes, to compare it with another one; None if that cannot be told."""
        try:
            return network_content(self.data)
        except ValueError:
            return None

    def extends(self, other: Model) -> bool:
        """Whether it has the convolutions of another model and that one's rows, but for a style that is being learnt.

        `trunk_digest` says so, which any file can claim; here the weights themselves are compared.
        """
        if self.data == other.data:
            return True
        own, others = self.content, other.content
        if own is None or others is None or own.digest != others.digest:
            return False
        if len(own.rows) != len(self.styles) or len(others.rows) != len(other.styles):
            return False
        rows = {style.name: own.rows[style.row] for style in self.styles}
        return all(
            rows.get(style.name) == others.rows[style.row] for style in other.styles if style.name != self.learning
        )

    @property
    def learning(self) -> str:
        """The style whose training has not ended, as the name of the file says; empty for a finished model."""
        name = self.path.name
        return name.removesuffix(LEARNING_SUFFIX) if name.endswith(LEARNING_SUFFIX) else ""


def read_model(path: Path) -> Model:
    """Read a model file and check that it has the model-file format.

    ONNX Runtime receives the bytes without a path, so that it never opens a file beside the model.
    Raises ModelError if the file is missing, too large, not ONNX or not a model of this program.
    """
    try:
        data = read_limited(path, MAX_FILE_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    if any(bytes([_OP_TYPE, len(name)]) + name in data for name in CONTROL_FLOW):
        raise ModelError(f"{path} has loops or branches: not a style model")
    try:
        session = _open_for_inspection(data)
    except EngineError:
        raise
    except Exception as error:
        raise ModelError(f"{path} is not an ONNX model that can be loaded") from error
    try:
        metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    except ValueError as error:
        raise ModelError(f"{path}: its metadata is not UTF-8") from error
    if metadata.get("realtime_stylize") != MODEL_FORMAT_VERSION:
        raise ModelError(f"{path} is not a style model of version {MODEL_FORMAT_VERSION}; make one with stylize-export")
    try:
        entries = json.loads(metadata["styles"])
        styles = tuple(_style(row, entry) for row, entry in enumerate(entries))
        multiple = int(metadata["multiple"])
        if not isinstance(entries, list) or len({style.name for style in styles}) < max(1, len(styles)):
            raise ValueError("two styles have one name, or there is none")
        if not 1 <= multiple <= MAX_MULTIPLE:
            raise ValueError(f"multiple is {multiple}, from 1 to {MAX_MULTIPLE}")
        _check_interface(session, len(styles))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: its metadata is broken: {shorten_text(str(error))}") from error
    return Model(path, data, styles, multiple, metadata.get("trunk", ""), _read_int8_sibling(path, data))


def _check_interface(session: Any, num_styles: int) -> None:
    """Check the names, types and shapes of inputs and output. Raises ValueError."""
    inputs, outputs = (
        {value.name: value for value in values} for values in (session.get_inputs(), session.get_outputs())
    )
    if {*inputs} != {"frame", "style"} or {*outputs} != {"painted"}:
        raise ValueError("its inputs are not frame and style, or its output is not painted")
    if inputs["style"].type != "tensor(float)" or inputs["style"].shape != [num_styles]:
        raise ValueError("the styles named and the styles inside differ")
    for image in (inputs["frame"], outputs["painted"]):
        sides = image.shape[:2]
        if image.type != "tensor(uint8)" or len(image.shape) != 3 or image.shape[2] != 3:
            raise ValueError(f"{image.name} is no image of 8 bits")
        if any(isinstance(side, int) for side in sides):
            raise ValueError(f"{image.name} has a fixed size")


def _read_int8_sibling(path: Path, data: bytes) -> bytes | None:
    """Read NAME.int8.onnx beside NAME.onnx; return None unless it was quantized from these very bytes."""
    try:
        sibling = read_limited(path.with_suffix(INT8_SUFFIX), MAX_FILE_BYTES)
        metadata: dict[str, str] = _open_for_inspection(sibling).get_modelmeta().custom_metadata_map
    except Exception:  # it is missing or broken, and the model works without it
        return None
    return sibling if metadata.get("quantized_from") == hashlib.sha256(data).hexdigest() else None


def _open_for_inspection(data: bytes) -> Any:
    """Open a session to read metadata and inputs; it is not optimized for running."""
    ort = onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    forbid_external_data(options)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def list_model_files(folder: Path) -> list[Path]:
    """Return the model files of a folder, without int8 siblings."""
    return sorted(path for path in folder.glob("*.onnx") if not path.name.endswith(INT8_SUFFIX))


def _style(row: int, entry: object) -> Style:
    """Read one entry of the metadata's `styles`; older model files have `painter` for `artist`. Raises ValueError."""
    if not isinstance(entry, dict):
        raise ValueError("an entry of styles is no object")
    artist = entry.get("artist", entry.get("painter", ""))
    name, title, artist = (_text(value) for value in (entry["name"], entry.get("title", ""), artist))
    if not name or set(name) & set(",:"):  # they separate the parts of a mix
        raise ValueError(f"{name!r} is no name of a style")
    return Style(name, row, title, artist, _text(entry.get("year", "")))


def _text(value: object) -> str:
    """Return a text of the metadata as it may reach terminals, pages and file names."""
    if not isinstance(value, str | int | float):
        raise ValueError(f"{type(value).__name__} where a text is expected")
    text = printable(str(value)).strip()
    if len(text) > MAX_TEXT:
        raise ValueError(f"a text is longer than {MAX_TEXT} characters")
    return text
