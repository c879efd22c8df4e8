"""Detection of motion: while nothing moves, the last stylized frame is shown again, which saves power."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image

CELL_SIDE = 8  # pixels; camera noise of 6 levels changes a cell's mean by 1 level on average, by 5 at most
MOTION_LEVELS = 6  # change of a cell's mean that is motion; a blink changes several cells by more than 10


class MotionDetector:
    """Compares frames with the last one that was stylized, so that slow changes add up until they are seen."""

    def __init__(self) -> None:
        self._reference: NDArray[np.int16] | None = None
        self._newest: NDArray[np.int16] | None = None

    def is_still(self, image: Image) -> bool:
        """Whether the image [H, W, 3] shows what the reference did."""
        height, width = image.shape[:2]
        size = (max(1, width // CELL_SIDE), max(1, height // CELL_SIDE))
        cells = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.int16)
        self._newest = cells
        if self._reference is None or self._reference.shape != cells.shape:
            return False
        return bool(np.abs(cells - self._reference).max() < MOTION_LEVELS)

    def remember(self) -> None:
        """Make the image given last the reference: it has been stylized."""
        self._reference = self._newest
