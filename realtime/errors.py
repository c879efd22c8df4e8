"""The exceptions of this package, as one tree.

StylizeError                      the message is one line: what is wrong, with what, what to do
├── UsageError          ValueError          an option or argument is wrong (exit status 2)
├── SourceError         OSError             a camera, stream or file gives no picture
│   ├── NoCamera        FileNotFoundError   there is no such camera
│   └── SignalLost      ConnectionError     a source has stopped; opening it again may help
├── ModelError          ValueError          a model file is missing, foreign or broken
│   └── UnknownStyle    KeyError            no model has a style of that name
├── OutputError         OSError             a result cannot be written
├── EngineError         RuntimeError        a provider is not available, or failed
└── DisplayError        RuntimeError        there is no screen to open a window on

Each is an exception of Python as well, named in the middle, so that code that does not know this package can catch it.
"""

from __future__ import annotations

import unicodedata

_UNPRINTABLE = ("Cc", "Zl", "Zp")  # Unicode's categories: control characters and separators of lines
_DIRECTIONS = {*map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))}  # they change the order of what follows


def printable(text: str) -> str:
    """Return the text with a replacement for each control character, which could steer the terminal or begin a line."""
    if text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if letter in _DIRECTIONS or unicodedata.category(letter) in _UNPRINTABLE else letter
        for letter in text
    )


class StylizeError(Exception):
    """The base of all exceptions of this package.

    Its message is one line. The command prints it and exits with status 1.

    Example:
        >>> try:
        ...     stylizer = Stylizer("no such style")
        ... except StylizeError as error:
        ...     print(error)
    """

    def __str__(self) -> str:
        return printable(str(self.args[0])) if self.args else type(self).__name__


class UsageError(StylizeError, ValueError):
    """An option or argument is wrong; the command exits with status 2."""


class SourceError(StylizeError, OSError):
    """A camera, stream or file gives no picture."""


class NoCamera(SourceError, FileNotFoundError):
    """There is no such camera, or none at all."""


class SignalLost(SourceError, ConnectionError):
    """A source that worked has stopped; opening it again may help."""


class ModelError(StylizeError, ValueError):
    """A model file is missing, foreign or broken."""


class UnknownStyle(ModelError, KeyError):
    """No model has a style of that name."""


class OutputError(StylizeError, OSError):
    """A result cannot be written."""


class EngineError(StylizeError, RuntimeError):
    """A provider is not available, or failed."""


class DisplayError(StylizeError, RuntimeError):
    """There is no screen to open a window on."""


def describe_unexpected(error: BaseException) -> str:
    """Return an exception that is not a StylizeError as one line: out of memory, or the first line of what it says."""
    if isinstance(error, MemoryError) or "Insufficient memory" in str(error):  # the latter is OpenCV's
        return "there is not enough memory for it"
    lines = [printable(line.strip()) for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}{f': {lines[0]}' if lines else ''} (--debug shows where)"
