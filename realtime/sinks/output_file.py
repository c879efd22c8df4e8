"""Output files: written as NAME.part beside the final name, and renamed once they are complete."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from realtime.errors import OutputError
from realtime.system.files import replace_file


class OutputFile:
    """A file that is written to `part` and renamed to `path` when it is complete.

    The constructor checks that the file can be written and creates an empty `part`.

    path: the final name. sources: input files, which `path` must not be, by whatever name or link.
    overwrite: an existing file may be replaced. resume_key: what a later run must have in common with this one to
    resume it; only for videos, stored beside the part as NAME.part.json. resume_from: an interrupted run's file to
    continue, which is renamed to `previous_part`.
    Raises OutputError.
    """

    def __init__(
        self,
        path: Path,
        *,
        sources: list[Path],
        overwrite: bool = False,
        resume_key: dict[str, Any] | None = None,
        resume_from: Path | None = None,
    ) -> None:
        self.path, self._resume_from = path, resume_from
        self._real_path = path.resolve()  # a symbolic link stays one: its target is replaced
        self.part = part_path(self._real_path)
        self.previous_part = previous_part_path(self._real_path)
        self._resume_info_path = resume_info_path(self._real_path)
        self._existed = self._real_path.exists() and self._real_path != resume_from
        if self._real_path.is_dir():
            raise OutputError(f"{path} is a folder")
        for source in sources:
            if _same_file(self._real_path, source) or _same_file(self.part, source):
                raise OutputError(f"{path} is the input itself; it is never painted over")
        if self._existed and not overwrite:
            raise OutputError(f"{path} is there already; --overwrite replaces it")
        # `recipe` is the old name of `resume_key`; kept so that files of earlier versions can be resumed.
        self._resume_info: dict[str, Any] = {"recipe": resume_key, "replaces": self._existed}
        try:
            if not self._real_path.parent.is_dir():
                raise OutputError(f"{path}: there is no folder {self._real_path.parent}")
            if resume_from is not None:
                replace_file(resume_from, self.previous_part)
            with self.part.open("wb"):
                pass
            if resume_key is not None:
                self._write_resume_info()
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error

    @property
    def replaces(self) -> bool:
        """Whether a file of that name existed before, other than the one that is resumed."""
        return self._existed

    def finish(self, *, whole: bool = True) -> None:
        """Flush the part to the disk and rename it to `path`.

        whole: False if frames are missing; then what a resuming run needs is kept.

        Raises OutputError.
        """
        try:
            with self.part.open("rb+") as file:
                os.fsync(file.fileno())
            if not whole:
                self._resume_info["closed"] = self.part.stat().st_size
                self._write_resume_info()
            replace_file(self.part, self._real_path)
            self.previous_part.unlink(missing_ok=True)
            if whole:
                self._resume_info_path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path}: {error.strerror or error}; the result is in {self.part}") from error

    def restore(self) -> None:
        """Delete what was written, and give the file that was resumed its name back."""
        with suppress(OSError):  # Windows deletes no file that is open
            self.part.unlink()
        if self._resume_from is None or not self.previous_part.exists():
            return
        replace_file(self.previous_part, self._resume_from)
        if self._resume_from == self._real_path:
            self._resume_info["closed"] = self._real_path.stat().st_size
            self._write_resume_info()

    def drop_if_empty(self) -> None:
        """Delete the part if nothing was written to it."""
        if self.part.exists() and self.part.stat().st_size == 0:
            self.restore()
        if not self.part.exists() and not self.previous_part.exists() and "closed" not in self._resume_info:
            self._resume_info_path.unlink(missing_ok=True)

    def _write_resume_info(self) -> None:
        """Write NAME.part.json, completely or not at all."""
        new = self._resume_info_path.with_name(self._resume_info_path.name + ".new")
        new.write_text(json.dumps(self._resume_info, indent=2) + "\n", encoding="utf-8")
        replace_file(new, self._resume_info_path)


def part_path(path: Path) -> Path:
    """Return the name under which an output is written until it is complete."""
    return path.with_name(path.name + ".part")


def previous_part_path(path: Path) -> Path:
    """Return the name of an interrupted run's file while another run continues it."""
    return path.with_name(path.name + ".before.part")


def resume_info_path(path: Path) -> Path:
    """Return the name of the JSON file that says how an unfinished output was begun."""
    return path.with_name(path.name + ".part.json")


def _same_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
