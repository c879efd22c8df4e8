"""Model files: reading one, checking it against the contract, and what it says of itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from realtime.errors import EngineError, ModelError

CONTRACT = "1"  # the model file's version that this program understands


SIZE_LIMIT = 256 << 20  # bytes


INT8 = ".int8.onnx"  # ends the name of a model's sibling


@dataclass(frozen=True)
class Style:
    """One painting that a model can paint like.

    name: what the user types; title, painter, year: of the painting, empty where unknown.
    row: its place in the model's `style` input.
    """

    name: str
    row: int
    title: str = ""
    painter: str = ""
    year: str = ""

    @property
    def label(self) -> str:
        """What people read: the painting and its painter, or the name."""
        title = self.title or self.name
        return f"{title} · {self.painter}" if self.painter else title


@dataclass(frozen=True)
class Model:
    """A model file, read and checked.

    data: the ONNX bytes; multiple: what H and W must divide by; trunk: a digest of the convolutions, or empty;
    int8: the bytes of its sibling for processors that multiply bytes, where there is one.
    """

    path: Path
    data: bytes
    styles: tuple[Style, ...]
    multiple: int
    trunk: str = ""
    int8: bytes | None = None


def read_model(path: Path) -> Model:
    """Read a model file and check it against the contract.

    The bytes are handed to ONNX Runtime without a path, so that no file beside it is ever opened.
    Raises ModelError where it is missing, too large, not ONNX or not one of ours.
    """
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise ModelError(f"{path} is larger than {SIZE_LIMIT >> 20} MiB: not a style model")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    try:
        session = _inspect(data)
    except EngineError:
        raise
    except Exception as error:
        raise ModelError(f"{path} is not an ONNX model that can be loaded") from error
    meta: dict[str, str] = session.get_modelmeta().custom_metadata_map
    if meta.get("realtime_stylize") != CONTRACT:
        raise ModelError(f"{path} is not a style model of version {CONTRACT}; make one with stylize-export")
    try:
        entries: list[dict[str, Any]] = json.loads(meta["styles"])
        styles = tuple(_style(row, entry) for row, entry in enumerate(entries))
        multiple = int(meta["multiple"])
        (size,) = next(i.shape for i in session.get_inputs() if i.name == "style")
        if not styles or size != len(styles) or multiple < 1:
            raise ValueError("the styles named and the styles inside differ")
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise ModelError(f"{path}: its metadata is broken: {error}") from error
    return Model(path, data, styles, multiple, meta.get("trunk", ""), _read_sibling(path, data))


def _read_sibling(path: Path, data: bytes) -> bytes | None:
    """NAME.int8.onnx beside NAME.onnx, where it was made from these very bytes."""
    try:
        sibling = path.with_suffix(INT8).read_bytes()
        meta: dict[str, str] = _inspect(sibling).get_modelmeta().custom_metadata_map
    except Exception:  # none there, or a broken one: there is a model without it
        return None
    return sibling if meta.get("quantized_from") == hashlib.sha256(data).hexdigest() else None


def _inspect(data: bytes) -> Any:
    """A session that is good for looking at a model, not for running it."""
    from realtime.inference.onnx_runtime import onnxruntime

    ort = onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def models_in(folder: Path) -> list[Path]:
    """The model files of a folder, their siblings left out."""
    return sorted(path for path in folder.glob("*.onnx") if not path.name.endswith(INT8))


def _style(row: int, entry: dict[str, Any]) -> Style:
    texts = (str(entry.get(key, "")) for key in ("title", "painter", "year"))
    return Style(str(entry["name"]), row, *texts)
