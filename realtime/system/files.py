"""Atomic replacement of files."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

LOCKED_FILE_SECONDS = 2.0  # how long Windows may keep a file locked; pip waits for 1 second
RETRY_SECONDS = 0.05


def replace_file(new: str | Path, place: Path) -> None:
    """Replace the file at `place` by `new`, as `os.replace` does. Raises OSError.

    On Windows a virus scanner or OneDrive may lock a new file for a moment; this waits until it is free again.
    """
    deadline = time.perf_counter() + (LOCKED_FILE_SECONDS if sys.platform == "win32" else 0)
    while True:
        try:
            return os.replace(new, place)
        except PermissionError:
            if time.perf_counter() >= deadline:
                raise
            time.sleep(RETRY_SECONDS)


def write_atomic(place: Path, data: bytes | memoryview) -> None:
    """Write the data to `place`, or leave what was there before, even if the power fails. Raises OSError."""
    part = place.with_name(place.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # the new name may reach the disk before the data does
        replace_file(part, place)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
