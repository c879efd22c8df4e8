"""Lines for whoever started the program."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO


def tell(line: str, stream: TextIO | None = None) -> None:
    """Print it, to stdout if nothing else is said. That nobody reads it, or its terminal is gone, stops no picture."""
    with suppress(OSError):
        print(line, file=stream or sys.stdout, flush=True)
