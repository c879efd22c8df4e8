"""Lines on stdout and stderr, and the log handler that prints them.

Library code prints nothing: it logs with `logging.getLogger(__name__)`. A command attaches a handler that prints the
records as bare lines. A closed pipe or terminal stops no command: lines that cannot be written are dropped.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import suppress

from realtime.errors import printable

RESULT = {"result": True}  # extra=RESULT marks a log record as a result of the command, which goes to stdout


def write_stdout(line: str) -> None:
    """Write one line to stdout."""
    with suppress(OSError):
        print(printable(line), flush=True)


def write_stderr(line: str) -> None:
    """Write one line to stderr."""
    with suppress(OSError):
        print(printable(line), file=sys.stderr, flush=True)


class ConsoleHandler(logging.Handler):
    """A log handler that prints bare lines: results on stdout, everything else on stderr.

    Errors begin with the program's name, as the errors that end it do.
    """

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record's message."""
        line = record.getMessage()
        if record.levelno >= logging.ERROR:
            line = f"{self._program}: {line}"
        if getattr(record, "result", False):
            write_stdout(line)
        else:
            write_stderr(line)


def log_to_console(program: str, package: str) -> None:
    """Print what a package logs from level INFO on. A second call replaces the handler of the first."""
    logger = logging.getLogger(package)
    for handler in [handler for handler in logger.handlers if isinstance(handler, ConsoleHandler)]:
        logger.removeHandler(handler)
    logger.addHandler(ConsoleHandler(program))
    logger.setLevel(logging.INFO)


def open_closed_streams() -> None:
    """Open the null device in place of each standard stream that was closed when the program started.

    Otherwise the next file opened would get its number, and what a native library prints would go into that file.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:  # Python sets it so for a closed one
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def escape_unencodable() -> None:
    """Escape characters that stdout's encoding lacks, as in the names of files, instead of raising an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
