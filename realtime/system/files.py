"""A file put in another's place: with patience, and whole."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

PATIENCE = 2.0  # s; pip has 1


def replace(new: str | Path, place: Path) -> None:
    """`os.replace`. On Windows a virus scanner or OneDrive may hold a fresh file for a moment: that is waited for."""
    until = time.perf_counter() + (PATIENCE if sys.platform == "win32" else 0)
    while True:
        try:
            return os.replace(new, place)
        except PermissionError:
            if time.perf_counter() >= until:
                raise
            time.sleep(0.05)


def write_whole(place: Path, data: bytes | memoryview) -> None:
    """The data under that name, or what was there before: also where the power fails. Raises OSError."""
    part = place.with_name(place.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # a name may reach the disk before the bytes do
        replace(part, place)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
