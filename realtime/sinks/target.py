"""Where a result goes: beside its name first, under its name when it is whole. Nothing is lost on the way."""

from __future__ import annotations

import os
from pathlib import Path

from realtime.errors import OutputError


class Target:
    """A file to be written; its constructor makes sure that it can be.

    sources: files that it must not be, by whatever name. overwrite: it may replace what is there.
    Raises OutputError.
    """

    def __init__(self, path: Path, *, sources: list[Path], overwrite: bool = False) -> None:
        self.path = path
        self._place = path.resolve()  # a link stays a link
        self.part = self._place.with_name(self._place.name + ".part")
        self._existed = self._place.exists()
        if self._place.is_dir():
            raise OutputError(f"{path} is a folder")
        for source in sources:
            if any(there.exists() and source.exists() and there.samefile(source) for there in (self._place, self.part)):
                raise OutputError(f"{path} is the input itself; it is never painted over")
        if self._existed and not overwrite:
            raise OutputError(f"{path} is there already; --overwrite replaces it")
        try:
            if not self._place.parent.is_dir():
                raise OutputError(f"{path}: there is no folder {self._place.parent}")
            with self.part.open("wb"):
                pass
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error

    @property
    def replaces(self) -> bool:
        """Whether something was there before."""
        return self._existed

    def finish(self) -> None:
        """Onto the disk, and to its name."""
        try:
            with self.part.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(self.part, self._place)
        except OSError as error:
            raise OutputError(f"{self.path}: {error.strerror or error}; the result is in {self.part}") from error

    def drop_if_empty(self) -> None:
        """Leave nothing where nothing was written."""
        if self.part.exists() and self.part.stat().st_size == 0:
            self.part.unlink()
