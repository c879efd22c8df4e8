"""Everything that can go wrong, as one tree.

StylizeError                      the message is one line: what is wrong, with what, what to do
├── UsageError          ValueError          the command line asks for something impossible (exit 2)
├── SourceError         OSError             a camera, stream or file gives no picture
│   ├── NoCamera        FileNotFoundError   there is no such camera
│   └── SignalLost      ConnectionError     it worked and stopped; opening it again may help
├── ModelError          ValueError          a model file that is missing, foreign or broken
│   └── UnknownStyle    KeyError            no model here has a style of that name
├── OutputError         OSError             what was painted cannot be written there
├── EngineError         RuntimeError        the provider asked for cannot be had, or failed
└── DisplayError        RuntimeError        no screen to open a window on
"""

from __future__ import annotations


class StylizeError(Exception):
    """The base: the command prints its message as one line and exits with 1."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


class UsageError(StylizeError, ValueError):
    """The command line asks for something impossible; exit status 2."""


class SourceError(StylizeError, OSError):
    """A camera, stream or file gives no picture."""


class NoCamera(SourceError, FileNotFoundError):
    """There is no such camera, or none at all."""


class SignalLost(SourceError, ConnectionError):
    """A source that worked has stopped; opening it again may help."""


class ModelError(StylizeError, ValueError):
    """A model file that is missing, foreign or broken."""


class UnknownStyle(ModelError, KeyError):
    """No model here has a style of that name."""


class OutputError(StylizeError, OSError):
    """What was painted cannot be written there."""


class EngineError(StylizeError, RuntimeError):
    """The provider asked for cannot be had, or failed."""


class DisplayError(StylizeError, RuntimeError):
    """There is no screen to open a window on."""
