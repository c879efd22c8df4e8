"""What several inference tests need: the shipped model, style weights, and a session that needs no runtime."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.frame import Image
from realtime.inference.model import Model
from realtime.stylizer.library import Library

CPU_PROVIDER = "CPUExecutionProvider"  # ONNX Runtime's name for it


@pytest.fixture(scope="session")
def model(library: Library) -> Model:
    return library.models[0]


def one_style(model: Model, row: int = 0) -> NDArray[np.float32]:
    """Style weights, [S] float32: 1 for that row, 0 for the others."""
    return np.asarray(np.eye(len(model.styles), dtype=np.float32)[row])


class FakeSession:
    """A session that returns the image itself, and has no memory for images of more than `max_rows` rows."""

    def __init__(self, max_rows: int) -> None:
        self.max_rows, self.closed = max_rows, False

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        if len(image) > self.max_rows:
            raise MemoryError("no room")
        return image

    def prepare(self, shape: tuple[int, ...]) -> None:
        self.run(np.zeros(shape, np.uint8), np.zeros(1, np.float32))

    def close(self) -> None:
        self.closed = True
