"""The styles that can be chosen: those of the shipped model files and of the user's."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from realtime.errors import ModelError, UnknownStyle
from realtime.inference.model import Model, Style, list_model_files, read_model
from realtime.system.paths import shipped_folder, user_folder

logger = logging.getLogger(__name__)

NETWORKS = ("live", "wide")  # shipped: for laptops, and for GPUs and videos that may take up to four times as long


class Library:
    """Every style that can be chosen, in the order of the number keys.

    A model is replaced by one that contains it, with the same convolutions and more styles, so that the user's own
    styles can be mixed with those they were added to. Of two styles of one name the later model's is used.

    Args:
        models: model files in their order.
        own: the user's model files, which extend these or other ones. Their styles come last, and only those with new
            names are used.

    Attributes:
        models: the model files in use.
        styles: pairs of a model and a style.
    """

    def __init__(self, models: list[Model], own: Sequence[Model] = ()) -> None:
        first, rest = ([_largest(model, [*models, *own]) for model in part] for part in (models, own))
        self.models = list(dict.fromkeys(first + rest))
        known = {style.name: (model, style) for model in dict.fromkeys(first) for style in model.styles}
        added = {style.name: (model, style) for model in rest for style in model.styles if style.name not in known}
        self.styles: list[tuple[Model, Style]] = list((known | added).values())  # a replaced style keeps its place

    def find(self, name: str) -> tuple[Model, Style]:
        """Return the model and the style of a name. Case, blanks and hyphens are ignored; a unique prefix is enough.

        Raises UnknownStyle, which lists the names.
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
    """Return the largest model with all styles of this one and the same convolutions, or the model itself."""
    names = {style.name for style in model.styles}
    related = [m for m in models if model.trunk_digest and m.trunk_digest == model.trunk_digest]
    larger = [m for m in related if names <= {style.name for style in m.styles}]
    return max(larger, key=lambda m: len(m.styles), default=model)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def load_library(extra: Path | None = None, network: str = NETWORKS[0]) -> Library:
    """Load the shipped model of that network, the user's own ones, and those of `extra`, a folder or one file.

    A broken file in `extra` or the shipped one is an error. A broken one in the user's folder is logged and passed
    over, so that the others can still be used. Raises ModelError.
    """
    models, own = [read_model(shipped_folder() / f"{network}.onnx")], []
    for path in list_model_files(user_folder()):
        try:
            own.append(read_model(path))
        except ModelError as error:
            logger.warning("passed over: %s", error)
    if extra is not None:
        if not os.path.exists(extra):
            raise ModelError(f"--models {extra}: there is no such file or folder")
        paths = list_model_files(extra) if os.path.isdir(extra) else [extra]
        if not paths:
            raise ModelError(f"{extra}: no .onnx file in it")
        models += [read_model(path) for path in paths]
    return Library(models, own)
