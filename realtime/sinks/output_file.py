"""Where a result goes: beside its name first, under its name when it is whole. Nothing is lost on the way."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime.errors import OutputError
from realtime.system.files import replace_file

if TYPE_CHECKING:
    from realtime.sinks.resume import PartialVideo


class OutputFile:
    """A file to be written; its constructor makes sure that it can be.

    sources: files that it must not be, by whatever name. overwrite: it may replace what is there.
    recipe: of a film, what another run needs to go on from what this one leaves: kept beside the part.
    begun: what an earlier run has left, set aside as `before` to go on from.
    Raises OutputError.
    """

    def __init__(
        self,
        path: Path,
        *,
        sources: list[Path],
        overwrite: bool = False,
        recipe: dict[str, Any] | None = None,
        begun: PartialVideo | None = None,
    ) -> None:
        self.path, self._begun = path, begun.path if begun is not None else None
        self._place = path.resolve()  # a link stays a link
        self.part = part_of(self._place)
        self.before, self._notes = before_of(self._place), notes_of(self._place)
        self._existed = self._place.exists() and self._place != self._begun
        if self._place.is_dir():
            raise OutputError(f"{path} is a folder")
        for source in sources:
            if any(there.exists() and source.exists() and there.samefile(source) for there in (self._place, self.part)):
                raise OutputError(f"{path} is the input itself; it is never painted over")
        if self._existed and not overwrite:
            raise OutputError(f"{path} is there already; --overwrite replaces it")
        self._table: dict[str, Any] = {"recipe": recipe, "replaces": self._existed}
        try:
            if not self._place.parent.is_dir():
                raise OutputError(f"{path}: there is no folder {self._place.parent}")
            if begun is not None:
                replace_file(begun.path, self.before)
                begun.path = self.before
            with self.part.open("wb"):
                pass
            if recipe is not None:
                self._note()
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error

    @property
    def replaces(self) -> bool:
        """Whether something was there before."""
        return self._existed

    def finish(self, *, whole: bool = True) -> None:
        """Onto the disk, and to its name. whole: nothing is left to go on with."""
        try:
            with self.part.open("rb+") as file:
                os.fsync(file.fileno())
            if not whole:
                self._table["closed"] = self.part.stat().st_size
                self._note()
            replace_file(self.part, self._place)
            self.before.unlink(missing_ok=True)
            if whole:
                self._notes.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path}: {error.strerror or error}; the result is in {self.part}") from error

    def restore(self) -> None:
        """Give up what was written; what there was to go on from gets its name back."""
        with suppress(OSError):  # Windows keeps what somebody has open
            self.part.unlink()
        if self._begun is None or not self.before.exists():
            return
        replace_file(self.before, self._begun)
        if self._begun == self._place:
            self._table["closed"] = self._place.stat().st_size
            self._note()

    def drop_if_empty(self) -> None:
        """Leave nothing where nothing was written."""
        if self.part.exists() and self.part.stat().st_size == 0:
            self.restore()
        if not self.part.exists() and not self.before.exists() and "closed" not in self._table:
            self._notes.unlink(missing_ok=True)

    def _note(self) -> None:
        """Whole or not at all."""
        new = self._notes.with_name(self._notes.name + ".new")
        new.write_text(json.dumps(self._table, indent=2) + "\n", encoding="utf-8")
        replace_file(new, self._notes)


def part_of(place: Path) -> Path:
    """Where a result is written until it is whole."""
    return place.with_name(place.name + ".part")


def before_of(place: Path) -> Path:
    """Where the pictures to keep lie while another run goes on from them."""
    return place.with_name(place.name + ".before.part")


def notes_of(place: Path) -> Path:
    """Where stands how it was begun."""
    return place.with_name(place.name + ".part.json")
