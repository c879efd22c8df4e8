"""Output files: written as NAME.part beside the final name, and renamed once they are complete."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from realtime.errors import OutputError
from realtime.system.files import (
    FileLock,
    create_part,
    lock_name,
    real_path,
    rename_to_new,
    replace_file,
    same_file,
    sidecar_path,
    write_atomic,
)


class OutputFile:
    """A file that is written to `part` and renamed to `path` when it is complete.

    The constructor locks the name, checks that the file can be written and creates an empty `part`; `finish`, `restore`
    and `drop_if_empty` release the lock, as does the end of the process.

    path: the final name. sources: input files, which `path` must not be, by whatever name or link.
    overwrite: an existing file may be replaced. resume_key: what a later run must have in common with this one to
    resume it; only for videos, stored beside the part as NAME.part.json. resume_from: an interrupted run's file to
    continue, which is renamed to `previous_part`. lock: the lock on the name, if the caller holds it already.
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
        lock: FileLock | None = None,
    ) -> None:
        self.path, self._resume_from, self._overwrite = path, resume_from, overwrite
        self._real_path = real_path(path)  # a symbolic link stays one: its target is replaced
        self.part = part_path(self._real_path)
        self.previous_part = previous_part_path(self._real_path)
        self._resume_info_path = resume_info_path(self._real_path)
        # `recipe` is the old name of `resume_key`; kept so that files of earlier versions can be resumed.
        self._resume_info: dict[str, Any] = {"recipe": resume_key}
        if os.path.isdir(self._real_path):
            raise OutputError(f"{path} is a folder")
        self._lock = lock or lock_output(path)
        try:
            self._existed = os.path.exists(self._real_path) and self._real_path != resume_from
            self._resume_info["replaces"] = self._existed
            self._check(sources)
            if resume_from is not None:
                replace_file(resume_from, self.previous_part)
            self._create_part()
            if resume_key is not None:
                self._write_resume_info()
        except OSError as error:
            self._lock.release()
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error

    def _check(self, sources: list[Path]) -> None:
        for source in sources:
            if same_file(self._real_path, source) or same_file(self.part, source):
                raise OutputError(f"{self.path} is the input itself; it is never painted over")
        if self._existed and not self._overwrite:
            raise OutputError(f"{self.path} is there already; --overwrite replaces it")

    def _create_part(self) -> None:
        """Create an empty part; what another program has left under its name stays.

        A video's part has to have one name, by which it can be resumed; others take the next name that is free.
        """
        has_part = os.path.lexists(self.part)
        if has_part and not os.path.islink(self.part):
            is_ours = self._can_be_resumed and os.path.exists(self._resume_info_path)
            if is_ours or os.path.getsize(self.part) == 0:
                self.part.unlink()
                has_part = False
        if has_part and self._can_be_resumed:
            raise OutputError(f"{self.part} is there already, and no run of this program has left it: rename it")
        self.part = create_part(self._real_path)

    @property
    def _can_be_resumed(self) -> bool:
        return self._resume_info["recipe"] is not None

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
            if self._overwrite:
                replace_file(self.part, self._real_path)
            else:
                rename_to_new(self.part, self._real_path)
            self.previous_part.unlink(missing_ok=True)
            if whole and self._can_be_resumed:
                self._resume_info_path.unlink(missing_ok=True)
        except FileExistsError as error:
            raise OutputError(
                f"{self.path} has been written by another program meanwhile; the result is in {self.part}"
            ) from error
        except OSError as error:
            raise OutputError(f"{self.path}: {error.strerror or error}; the result is in {self.part}") from error
        finally:
            self._lock.release()

    def restore(self) -> None:
        """Delete what was written, and give the file that was resumed its name back."""
        try:
            self._undo()
        finally:
            self._lock.release()

    def drop_if_empty(self) -> None:
        """Undo everything if nothing was written to the part; does nothing after `finish` and `restore`."""
        if not self._lock.held:
            return
        try:
            if not os.path.exists(self.part) or os.path.getsize(self.part) == 0:
                self._undo()
        finally:
            self._lock.release()

    def _undo(self) -> None:
        with suppress(OSError):  # Windows deletes no file that is open
            self.part.unlink()
        if self._resume_from is not None and os.path.exists(self.previous_part):
            replace_file(self.previous_part, self._resume_from)
            if self._resume_from == self._real_path:
                self._resume_info["closed"] = self._real_path.stat().st_size
                self._write_resume_info()
        self._drop_resume_info()

    def _drop_resume_info(self) -> None:
        """Delete NAME.part.json if there is nothing that it tells about."""
        is_left = os.path.exists(self.part) or os.path.exists(self.previous_part)
        if self._can_be_resumed and not is_left and "closed" not in self._resume_info:
            self._resume_info_path.unlink(missing_ok=True)

    def _write_resume_info(self) -> None:
        """Write NAME.part.json, completely or not at all."""
        write_atomic(self._resume_info_path, (json.dumps(self._resume_info, indent=2) + "\n").encode())


def lock_output(path: Path) -> FileLock:
    """Lock the name of an output, so that no other run writes it. Raises OutputError, at once if another one does."""
    real = real_path(path)
    if not os.path.isdir(real.parent):
        raise OutputError(f"{path}: there is no folder {real.parent}")
    try:
        return lock_name(real)
    except BlockingIOError:
        raise OutputError(f"{path} is being written by another run of this program") from None
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def part_path(path: Path) -> Path:
    """Return the name under which an output is written until it is complete."""
    return sidecar_path(path, ".part")


def previous_part_path(path: Path) -> Path:
    """Return the name of an interrupted run's file while another run continues it."""
    return sidecar_path(path, ".before.part")


def resume_info_path(path: Path) -> Path:
    """Return the name of the JSON file that says how an unfinished output was begun."""
    return sidecar_path(path, ".part.json")
