"""What every runtime's loaded model can do."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image


class Session(Protocol):
    """A model, loaded."""

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """[H, W, 3] uint8, [S] float32 -> [H, W, 3] uint8."""

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Make ready for frames of that shape, [H, W, 3], while another thread may paint."""

    def close(self) -> None:
        """Free its memory, where that has to be at a certain time; it is not used any more."""
