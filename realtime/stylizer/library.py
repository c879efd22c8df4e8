"""Which styles there are: the model files on this machine, and what they say of themselves."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from realtime.errors import EngineError, ModelError, UnknownStyle

NETWORKS = ("live", "wide")  # that ship: for laptops; up to four times as long, for GPUs and films that may take it
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
    from realtime.inference.onnx_session import onnxruntime

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


def shipped_folder() -> Path:
    """Where the models of this package lie: inside it when installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "pretrained"
    return inside if inside.is_dir() else package.parent / "pretrained"


def user_folder() -> Path:
    """Where the user's own models lie; it need not exist."""
    return platformdirs.user_data_path("realtime-stylize", appauthor=False, roaming=True) / "models"


class Library:
    """Every style that can be chosen, in the order of the number keys.

    A model that another one holds whole, with the same convolutions and more styles, gives way to it, so that the
    user's own styles mix with those they were added to. Of two styles of one name the later model's counts.
    """

    def __init__(self, models: list[Model], own: Sequence[Model] = ()) -> None:
        """own: the user's, added to these or to others: their styles come last, and only those of new names count."""
        first, rest = ([_largest(model, [*models, *own]) for model in some] for some in (models, own))
        self.models = list(dict.fromkeys(first + rest))
        known = {style.name: (model, style) for model in dict.fromkeys(first) for style in model.styles}
        added = {style.name: (model, style) for model in rest for style in model.styles if style.name not in known}
        self.styles: list[tuple[Model, Style]] = list((known | added).values())  # each at its first model's place

    def find(self, name: str) -> tuple[Model, Style]:
        """The style of that name; case, blanks and hyphens do not matter, and a unique start will do.

        Raises UnknownStyle, naming those that there are.
        """
        wanted = _plain(name)
        exact = [entry for entry in self.styles if _plain(entry[1].name) == wanted]
        found = exact or [entry for entry in self.styles if wanted and _plain(entry[1].name).startswith(wanted)]
        if len(found) != 1:
            names = ", ".join(style.name for _, style in self.styles)
            problem = "more than one style starts with" if found else "no style is called"
            raise UnknownStyle(f"{problem} {name!r}; there are: {names}")
        return found[0]


def _largest(model: Model, models: list[Model]) -> Model:
    """The model itself, or the largest that has all its styles and the same convolutions."""
    names = {style.name for style in model.styles}
    same = [m for m in models if model.trunk and m.trunk == model.trunk and names <= {s.name for s in m.styles}]
    return max(same, key=lambda m: len(m.styles), default=model)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def load_library(extra: Path | None = None, network: str = NETWORKS[0]) -> Library:
    """The shipped model of that network, then the user's own, then those of `extra`, a folder or one file.

    A broken file in `extra` or the shipped one is an error; a broken one in the user's folder is reported on stderr
    and passed over, so that it does not take the others with it. Raises ModelError.
    """
    models, own = [read_model(shipped_folder() / f"{network}.onnx")], []
    for path in models_in(user_folder()):
        try:
            own.append(read_model(path))
        except ModelError as error:
            print(f"passed over: {error}", file=sys.stderr)
    if extra is not None:
        if not extra.exists():
            raise ModelError(f"--models {extra}: there is no such file or folder")
        paths = models_in(extra) if extra.is_dir() else [extra]
        if not paths:
            raise ModelError(f"{extra}: no .onnx file in it")
        models += [read_model(path) for path in paths]
    return Library(models, own)
