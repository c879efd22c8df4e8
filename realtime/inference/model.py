"""Model files: reading one, checking its format, and the styles in its metadata."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from realtime.errors import EngineError, ModelError
from realtime.inference.onnx_runtime import onnxruntime

MODEL_FORMAT_VERSION = "1"  # the format that this program reads; export/graph.py describes and writes it
MAX_FILE_BYTES = 256 << 20
INT8_SUFFIX = ".int8.onnx"  # ends the name of a model's int8 sibling


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


def read_model(path: Path) -> Model:
    """Read a model file and check that it has the model-file format.

    ONNX Runtime receives the bytes without a path, so that it never opens a file beside the model.
    Raises ModelError if the file is missing, too large, not ONNX or not a model of this program.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ModelError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB: not a style model")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    try:
        session = _open_for_inspection(data)
    except EngineError:
        raise
    except Exception as error:
        raise ModelError(f"{path} is not an ONNX model that can be loaded") from error
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    if metadata.get("realtime_stylize") != MODEL_FORMAT_VERSION:
        raise ModelError(f"{path} is not a style model of version {MODEL_FORMAT_VERSION}; make one with stylize-export")
    try:
        entries: list[dict[str, Any]] = json.loads(metadata["styles"])
        styles = tuple(_style(row, entry) for row, entry in enumerate(entries))
        multiple = int(metadata["multiple"])
        (num_styles,) = next(i.shape for i in session.get_inputs() if i.name == "style")
        if not styles or num_styles != len(styles) or multiple < 1:
            raise ValueError("the styles named and the styles inside differ")
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise ModelError(f"{path}: its metadata is broken: {error}") from error
    return Model(path, data, styles, multiple, metadata.get("trunk", ""), _read_int8_sibling(path, data))


def _read_int8_sibling(path: Path, data: bytes) -> bytes | None:
    """Read NAME.int8.onnx beside NAME.onnx; return None unless it was quantized from these very bytes."""
    try:
        sibling = path.with_suffix(INT8_SUFFIX).read_bytes()
        metadata: dict[str, str] = _open_for_inspection(sibling).get_modelmeta().custom_metadata_map
    except Exception:  # it is missing or broken, and the model works without it
        return None
    return sibling if metadata.get("quantized_from") == hashlib.sha256(data).hexdigest() else None


def _open_for_inspection(data: bytes) -> Any:
    """Open a session to read metadata and inputs; it is not optimized for running."""
    ort = onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def list_model_files(folder: Path) -> list[Path]:
    """Return the model files of a folder, without int8 siblings."""
    return sorted(path for path in folder.glob("*.onnx") if not path.name.endswith(INT8_SUFFIX))


def _style(row: int, entry: dict[str, Any]) -> Style:
    """Read one entry of the metadata's `styles`; older model files have `painter` for `artist`."""
    artist = entry.get("artist", entry.get("painter", ""))
    return Style(str(entry["name"]), row, str(entry.get("title", "")), str(artist), str(entry.get("year", "")))
