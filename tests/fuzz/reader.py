"""What every reader of the fuzz has."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from export.errors import ExportError
from realtime.errors import StylizeError
from training.errors import TrainingError

ERRORS = (StylizeError, TrainingError, ExportError)
SIZE = (48, 32)  # pixels, of pictures and films


class Reader:
    """A reader of untrusted bytes.

    folder: for its files. unnoticed: to which it adds errors that reach no caller. samples: valid inputs.
    """

    samples: list[bytes]

    def __init__(self, folder: Path, unnoticed: list[str]) -> None:
        self.folder, self.unnoticed = folder, unnoticed
        self.closing = ExitStack()
        self.prepare()

    def prepare(self) -> None:
        """Make the samples."""
        raise NotImplementedError

    def read(self, data: bytes) -> None:
        """Read the input. Raises one of ERRORS if it is refused."""
        raise NotImplementedError

    def repair(self, data: bytes) -> bytes:
        """Return the input with right checksums, so that what they protect is read as well."""
        return data

    def file(self, name: str, data: bytes) -> Path:
        """Write an input into a file."""
        path = self.folder / name
        path.write_bytes(data)
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.close()
