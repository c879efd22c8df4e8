"""The interface of a loaded model, whichever runtime runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from realtime.frame import Image


class Session(Protocol):
    """A model loaded on one device. One thread at a time may call `run`."""

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Stylize one image: [H, W, 3] uint8 BGR and style weights [S] float32 -> [H, W, 3] uint8 BGR, a new array."""

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Compile for images of that shape, [H, W, 3]; another thread may call `run` meanwhile."""

    def close(self) -> None:
        """Free the memory that garbage collection cannot free safely; the session is not used any more."""
