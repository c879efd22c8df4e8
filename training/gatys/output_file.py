"""The output of an optimization that takes hours: every reason to refuse it is checked before the work starts."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.system.files import replace_file
from training.errors import TrainingError
from training.images import IMAGE_SUFFIXES


class OutputFile:
    """An image file that is written to NAME.part first, so that NAME is either complete or missing.

    inputs: files that must not be the output.
    Raises TrainingError where the output is one of them, exists already (unless `overwrite`), cannot be written, or
    has a suffix of no known format.
    """

    def __init__(self, path: Path, overwrite: bool = False, inputs: tuple[Path, ...] = ()) -> None:
        self.path, self.overwrite, self.written = path, overwrite, False
        self.part = path.with_name(path.name + ".part")
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            raise TrainingError(f"{path}: the name must end in one of {', '.join(sorted(IMAGE_SUFFIXES))}")
        if not path.parent.is_dir():
            raise TrainingError(f"{path.parent}: no such folder")
        if path.exists() and not path.is_file():
            raise TrainingError(f"{path} is not a file")
        for other in inputs:
            if path.exists() and other.exists() and path.samefile(other):
                raise TrainingError(f"{path} is one of the pictures to work from")
        self._refuse_to_overwrite("--overwrite replaces it")
        if not os.access(path.parent, os.W_OK):
            raise TrainingError(f"{path.parent}: nothing can be written there")

    def write(self, image: NDArray[np.uint8]) -> None:
        """Write an image [H, W, 3], BGR, replacing what this object wrote before.

        Raises TrainingError where the disk refuses it, or where another program has created the file meanwhile; the
        image is in `part` then.
        """
        encoded, data = cv2.imencode(self.path.suffix.lower(), image)
        if not encoded:
            raise TrainingError(f"{self.path}: OpenCV could not encode it")
        try:
            with self.part.open("wb") as file:
                file.write(data.tobytes())
                file.flush()
                os.fsync(file.fileno())
            self._refuse_to_overwrite(f"the picture is in {self.part}")
            replace_file(self.part, self.path)
        except KeyboardInterrupt:
            self.part.unlink(missing_ok=True)
            raise
        except OSError as error:
            self.part.unlink(missing_ok=True)
            raise TrainingError(f"{self.path}: {error.strerror or error}") from error
        self.overwrite = self.written = True

    def _refuse_to_overwrite(self, advice: str) -> None:
        if self.path.exists() and not self.overwrite:
            raise TrainingError(f"{self.path} is there already; {advice}")
