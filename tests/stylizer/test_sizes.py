"""Sizes to stylize at."""

from __future__ import annotations

import pytest

from realtime.stylizer.sizes import PIXEL_LIMIT, size_for_height, stroke_size


@pytest.mark.parametrize(
    ("frame", "height", "expected"),
    [
        ((640, 480), 480, (640, 480)),
        ((641, 479), 1080, (641, 479)),  # never above the camera's
        ((640, 480), 240, (320, 240)),
        ((1280, 720), 362, (640, 360)),
        ((480, 640), 322, (240, 320)),
        ((1, 1), 480, (16, 16)),
        ((4, 40), 480, (16, 160)),
    ],
)
def test_size_for_height_keeps_the_shape(frame: tuple[int, int], height: int, expected: tuple[int, int]) -> None:
    assert size_for_height(frame, height, 4) == expected


@pytest.mark.parametrize(
    ("size", "stroke", "expected"),
    [
        ((641, 479), 1.0, (641, 479)),  # as it is
        ((640, 480), 2.0, (320, 240)),
        ((640, 480), 1.25, (512, 384)),
        ((640, 480), 0.5, (1280, 960)),
        ((40, 30), 4.0, (16, 16)),
    ],
)
def test_stroke_size_scales_and_stays_within_limits(
    size: tuple[int, int], stroke: float, expected: tuple[int, int]
) -> None:
    assert stroke_size(size, stroke, 4) == expected


def test_stroke_size_of_large_image_fits_into_memory() -> None:
    width, height = stroke_size((6000, 4000), 0.5, 4)
    assert width * height <= PIXEL_LIMIT * 1.01
