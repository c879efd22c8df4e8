"""Letterboxing and resizing."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.frame import Image
from realtime.imaging import letterbox, letterbox_area


def white(width: int, height: int) -> Image:
    return np.full((height, width, 3), 255, np.uint8)


@pytest.mark.parametrize(
    ("shape", "size", "area"),
    [
        ((640, 480), (640, 480), (0, 0, 640, 480)),
        ((484, 364), (640, 480), (0, 0, 640, 480)),  # a size of the governor
        ((640, 480), (1920, 1080), (240, 0, 1440, 1080)),
        ((1920, 1080), (640, 480), (0, 60, 640, 360)),
        ((4000, 10), (64, 64), (0, 31, 64, 1)),
    ],
)
def test_letterbox_is_as_large_as_the_shape_allows(
    shape: tuple[int, int], size: tuple[int, int], area: tuple[int, int, int, int]
) -> None:
    image = white(*shape)
    assert letterbox_area(image, size) == area
    boxed = letterbox(image, size)
    assert boxed.shape == (size[1], size[0], 3)
    left, top, width, height = area
    assert (boxed[top : top + height, left : left + width] == 255).all()
    assert boxed.sum() == width * height * 3 * 255


def test_letterbox_does_not_copy_an_image_of_that_size() -> None:
    image = white(64, 48)
    assert letterbox(image, (64, 48)) is image
