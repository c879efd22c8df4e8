"""The styles that can be chosen: those of the shipped model files and of the user's."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from realtime.errors import ModelError, UnknownStyle
from realtime.inference.model import INT8_SUFFIX, Model, Style, list_model_files, read_model
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
            names are used. A style that is being learnt is taken from the file that its training writes.

    Attributes:
        models: the model files in use.
        styles: pairs of a model and a style.
    """

    def __init__(self, models: list[Model], own: Sequence[Model] = ()) -> None:
        first, rest = ([_largest(model, [*models, *own]) for model in part] for part in (models, own))
        self.models = list(dict.fromkeys(first + rest))
        known = {style.name: (model, style) for model in dict.fromkeys(first) for style in model.styles}
        added = {style.name: (model, style) for model in rest for style in model.styles if style.name not in known}
        learning = {s.name: (model, s) for model in self.models for s in model.styles if s.name == model.learning}
        # A replaced style keeps its place.
        self.styles: list[tuple[Model, Style]] = list((known | added | learning).values())

    def number(self, name: str) -> int | None:
        """Return the place of the style of exactly that name, 0 is the first; None if there is none."""
        return next((number for number, (_, style) in enumerate(self.styles) if style.name == name), None)

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
    """Return the largest model with all styles of this one and the same convolutions, or the model itself.

    Of two with the same styles it is the one that is being learnt.
    """
    names = {style.name for style in model.styles}
    related = [m for m in models if model.trunk_digest and m.trunk_digest == model.trunk_digest]
    larger = [m for m in related if names <= {style.name for style in m.styles} and _extends(m, model)]
    largest = max(larger, key=lambda m: (len(m.styles), not m.learning), default=model)
    same = [m for m in larger if {s.name for s in m.styles} == {s.name for s in largest.styles}]
    return next((m for m in same if m.learning), largest)


def _extends(claimant: Model, model: Model) -> bool:
    """Return whether it has the weights of the model, as it claims; if not, log it."""
    extends = claimant.extends(model)
    if not extends:
        logger.warning("%s has other weights than %s: their styles do not mix", claimant.path, model.path.name)
    return extends


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


# Of a file: inode, time of modification in nanoseconds and size; None if it is missing. The same stamp: unchanged.
Stamp = tuple[int, int, int] | None
Stamps = dict[Path, list[Stamp]]  # by model file: its stamp and that of its int8 sibling


class LibraryFiles:
    """The model files of a library, which are read again when they have changed.

    extra: a folder or one file beside the shipped and the user's models. network: of the shipped styles.
    """

    def __init__(self, extra: Path | None = None, network: str = NETWORKS[0]) -> None:
        self._extra, self._network = extra, network
        self._read: dict[Path, tuple[list[Stamp], Model]] = {}  # the stamps of each file, and what was read then

    def load(self) -> Library:
        """Read the shipped model of that network, the user's own ones, and those of `extra`.

        A broken file in `extra` or the shipped one is an error. A broken one in the user's folder is logged and passed
        over, so that the others can still be used. Raises ModelError.
        """
        shipped = self._model(shipped_folder() / f"{self._network}.onnx")
        own = self._models(list_model_files(user_folder()), self._model)
        if self._extra is not None and not os.path.exists(self._extra):
            raise ModelError(f"--models {self._extra}: there is no such file or folder")
        paths = self._extra_paths()
        if not paths and self._extra is not None:
            raise ModelError(f"{self._extra}: no .onnx file in it")
        return Library([shipped, *(self._model(path) for path in paths)], own)

    def reload(self) -> Library:
        """Return the library as its files are now; a watched file that cannot be read keeps its last model.

        Only what `stamps` watches is looked at again, and unchanged files keep their `Model` objects.
        """
        shipped = self._last_model(shipped_folder() / f"{self._network}.onnx")
        self._read = {path: read for path, read in self._read.items() if os.path.exists(path) or read[1] is shipped}
        if self._extra is not None:
            own = [model for path, (_, model) in self._read.items() if path.parent == user_folder()]
            return Library([shipped, *self._models(self._extra_paths(), self._model_or_last)], own)
        return Library([shipped], self._models(list_model_files(user_folder()), self._model_or_last))

    def stamps(self) -> Stamps:
        """Return what changes with each watched file: those of `extra` where it was given, else the user's own ones."""
        paths = list_model_files(user_folder()) if self._extra is None else self._extra_paths()
        return {path: _stamps(path) for path in paths}

    def _extra_paths(self) -> list[Path]:
        if self._extra is None:
            return []
        return list_model_files(self._extra) if os.path.isdir(self._extra) else [self._extra]

    def _models(self, paths: list[Path], read: Callable[[Path], Model]) -> list[Model]:
        """Return the models of those files; the ones that cannot be read are logged and passed over."""
        models = []
        for path in paths:
            try:
                models.append(read(path))
            except ModelError as error:
                logger.warning("passed over: %s", error)
        return models

    def _model(self, path: Path) -> Model:
        """Return the model of a file, which is read if it has changed. Raises ModelError."""
        stamps = _stamps(path)  # before it is read, so that a change meanwhile is noticed
        if path not in self._read or self._read[path][0] != stamps:
            self._read[path] = stamps, read_model(path)
        return self._last_model(path)

    def _model_or_last(self, path: Path) -> Model:
        try:
            return self._model(path)
        except ModelError:
            if path not in self._read:
                raise
            return self._last_model(path)

    def _last_model(self, path: Path) -> Model:
        return self._read[path][1]


def load_library(extra: Path | None = None, network: str = NETWORKS[0]) -> Library:
    """Load the shipped model of that network, the user's own ones, and those of `extra`, a folder or one file.

    A broken file in `extra` or the shipped one is an error. A broken one in the user's folder is logged and passed
    over, so that the others can still be used. Raises ModelError.
    """
    return LibraryFiles(extra, network).load()


def _stamps(path: Path) -> list[Stamp]:
    """Return the stamps of a model file and its int8 sibling, None for one that is missing."""
    stamps: list[Stamp] = []
    for file in (path, path.with_suffix(INT8_SUFFIX)):
        try:
            status = file.stat()
            stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
        except OSError:
            stamps.append(None)
    return stamps
