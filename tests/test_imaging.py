from __future__ import annotations

import numpy as np
import pytest

from realtime.frame import Image
from realtime.imaging import letterbox, letterbox_area


def white(width: int, height: int) -> Image:
    return np.full((height, width, 3), 255, np.uint8)


@pytest.mark.parametrize(
    ("picture", "size", "where"),
    [
        ((640, 480), (640, 480), (0, 0, 640, 480)),
        ((484, 364), (640, 480), (0, 0, 640, 480)),  # as the governor paints
        ((640, 480), (1920, 1080), (240, 0, 1440, 1080)),
        ((1920, 1080), (640, 480), (0, 60, 640, 360)),
        ((4000, 10), (64, 64), (0, 31, 64, 1)),
    ],
)
def test_as_large_as_its_shape_allows(
    picture: tuple[int, int], size: tuple[int, int], where: tuple[int, int, int, int]
) -> None:
    image = white(*picture)
    assert letterbox_area(image, size) == where
    fitted = letterbox(image, size)
    assert fitted.shape == (size[1], size[0], 3)
    left, top, width, height = where
    assert (fitted[top : top + height, left : left + width] == 255).all()
    assert fitted.sum() == width * height * 3 * 255


def test_what_has_the_size_is_not_copied() -> None:
    image = white(64, 48)
    assert letterbox(image, (64, 48)) is image
