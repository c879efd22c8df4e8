"""What travels down the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # [H, W, 3], BGR as OpenCV has it


@dataclass(frozen=True)
class Frame:
    """One picture and when it was taken.

    image: [H, W, 3] uint8, BGR.
    pts: presentation time in seconds from the source's first frame.
    captured: `time.monotonic()` when the frame reached this program.
    """

    image: Image
    pts: float
    captured: float
