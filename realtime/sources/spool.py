"""Pipes as inputs: what comes through one is stored in a temporary file, since a video is read more than once."""

from __future__ import annotations

import os
import select
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from realtime.errors import SourceError

STDIN_NAMES = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
WRITER_SECONDS = 10.0  # how long a named pipe may wait for a program that writes into it
_POLL_SECONDS = 0.2
_CHUNK_BYTES = 1 << 20


@contextmanager
def spool_pipes(inputs: list[Path]) -> Iterator[list[Path]]:
    """Yield the inputs, with a temporary file in the place of each pipe. "-" is standard input.

    Raises SourceError for a pipe that gives nothing, and a terminal.
    """
    if not any(_is_pipe(path) for path in inputs):
        yield inputs
        return
    with tempfile.TemporaryDirectory(prefix="realtime-stylize-") as folder:
        yield [
            _spool(path, Path(folder, str(number))) if _is_pipe(path) else path for number, path in enumerate(inputs)
        ]


def _is_pipe(path: Path) -> bool:
    """Return whether the path leads to a pipe, or is another name of standard input."""
    if str(path) == "-":
        return True
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or (str(path) in STDIN_NAMES and not stat.S_ISREG(mode))


def _spool(path: Path, folder: Path) -> Path:
    """Store what comes through a pipe in a file of its name in the folder, and return that."""
    is_stdin = str(path) in STDIN_NAMES
    if is_stdin and sys.stdin is not None and sys.stdin.isatty():
        raise SourceError(f"{path}: standard input is a terminal; send a film through a pipe")
    place = folder / ("stdin" if is_stdin else path.name)
    total = 0
    try:
        folder.mkdir()
        descriptor = _open(path, is_stdin)
        try:
            with place.open("wb") as file:
                for chunk in _read_chunks(descriptor):
                    file.write(chunk)
                    total += len(chunk)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error} (stored in {folder.parent.parent} first)") from error
    if not total:
        raise SourceError(f"{path}: nothing came through this pipe")
    return place


def _open(path: Path, is_stdin: bool) -> int:
    if is_stdin:
        return os.dup(0)
    return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))


def _read_chunks(descriptor: int) -> Iterator[bytes]:
    """Yield what comes through a pipe until its writers close it, or none has come for WRITER_SECONDS."""
    deadline = time.perf_counter() + WRITER_SECONDS
    has_begun = False
    blocks = sys.platform == "win32" or os.get_blocking(descriptor)
    while True:
        if sys.platform != "win32":
            select.select([descriptor], [], [], _POLL_SECONDS)  # a signal is handled between two waits
        try:
            chunk = os.read(descriptor, _CHUNK_BYTES)
        except BlockingIOError:  # there is a writer, which writes nothing now
            deadline = 0.0
            continue
        if chunk:
            has_begun = True
            yield chunk
        elif blocks or has_begun or time.perf_counter() >= deadline:
            return
        else:
            time.sleep(_POLL_SECONDS)
