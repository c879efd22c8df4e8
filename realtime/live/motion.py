"""Has anything moved? Where not, the last painting is shown again: a still room heats no laptop."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image

CELL = 8  # pixels; two pictures with camera noise of 6 levels differ by 1 in a cell, by 5 in the worst of them
MOVED = 6  # levels by which a cell must change; a blink changes several by more than 10


class MotionDetector:
    """Compares pictures with the last one that was painted, so that slow changes add up and are seen."""

    def __init__(self) -> None:
        self._painted: NDArray[np.int16] | None = None
        self._candidate: NDArray[np.int16] | None = None

    def is_still(self, image: Image) -> bool:
        """Whether the picture [H, W, 3] shows what the last painted one did."""
        height, width = image.shape[:2]
        size = (max(1, width // CELL), max(1, height // CELL))
        cells = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.int16)
        self._candidate = cells
        if self._painted is None or self._painted.shape != cells.shape:
            return False
        return bool(np.abs(cells - self._painted).max() < MOVED)

    def painted(self) -> None:
        """The picture asked about last has been painted."""
        self._painted = self._candidate
