"""Lines for whoever started the program. That nobody reads them, or that the terminal is gone, stops no picture."""

from __future__ import annotations

import io
import sys
from contextlib import suppress


def tell(line: str) -> None:
    """One line on stdout."""
    with suppress(OSError):
        print(line, flush=True)


def say(line: str) -> None:
    """One line on stderr."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def escape_unencodable() -> None:
    """A file's name may have letters that are not in stdout's encoding."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
