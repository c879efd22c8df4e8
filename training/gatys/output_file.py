"""The output of an optimization that takes hours: every reason to refuse it is checked before the work starts."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.system.files import (
    create_part,
    lock_name,
    real_path,
    rename_to_new,
    replace_file,
    same_file,
    sidecar_path,
)
from training.errors import TrainingError
from training.images import IMAGE_SUFFIXES


class OutputFile:
    """An image file that is written to NAME.part first, so that NAME is either complete or missing.

    inputs: files that must not be the output.
    Its name is locked from the constructor to the end of a `with` statement.
    Raises TrainingError where the output is one of them, exists already (unless `overwrite`), cannot be written, is
    being written by another run, or has a suffix of no known format.
    """

    def __init__(self, path: Path, overwrite: bool = False, inputs: tuple[Path, ...] = ()) -> None:
        self.path, self.overwrite, self.written = path, overwrite, False
        self.part = sidecar_path(path, ".part")
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            raise TrainingError(f"{path}: the name must end in one of {', '.join(sorted(IMAGE_SUFFIXES))}")
        if not os.path.isdir(path.parent):
            raise TrainingError(f"{path.parent}: no such folder")
        if os.path.exists(path) and not os.path.isfile(path):
            raise TrainingError(f"{path} is not a file")
        for other in inputs:
            if same_file(path, other):
                raise TrainingError(f"{path} is one of the pictures to work from")
        if os.path.exists(path) and not overwrite:
            raise TrainingError(f"{path} is there already; --overwrite replaces it")
        if not os.access(path.parent, os.W_OK):
            raise TrainingError(f"{path.parent}: nothing can be written there")
        try:
            self._lock = lock_name(real_path(path))
        except BlockingIOError:
            raise TrainingError(f"{path} is being written by another run") from None
        except OSError as error:
            raise TrainingError(f"{path}: {error.strerror or error}") from error

    def write(self, image: NDArray[np.uint8]) -> None:
        """Write an image [H, W, 3], BGR, replacing what this object wrote before.

        Raises TrainingError where the disk refuses it, or where another program has created the file meanwhile; the
        image is in `part` then.
        """
        encoded, data = cv2.imencode(self.path.suffix.lower(), image)
        if not encoded:
            raise TrainingError(f"{self.path}: OpenCV could not encode it")
        try:
            self.part = create_part(self.path)
            with self.part.open("r+b") as file:
                file.write(data.tobytes())
                file.flush()
                os.fsync(file.fileno())
            (replace_file if self.overwrite else rename_to_new)(self.part, self.path)
        except FileExistsError as error:
            raise TrainingError(f"{self.path} is there already; the picture is in {self.part}") from error
        except KeyboardInterrupt:
            self.part.unlink(missing_ok=True)
            raise
        except OSError as error:
            self.part.unlink(missing_ok=True)
            raise TrainingError(f"{self.path}: {error.strerror or error}") from error
        self.overwrite = self.written = True

    def __enter__(self) -> OutputFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
