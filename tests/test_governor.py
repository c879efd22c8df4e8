from __future__ import annotations

import pytest

from realtime.governor import SMALLEST, choose_height, working_size


@pytest.mark.parametrize(
    ("frame", "height", "expected"),
    [
        ((640, 480), 480, (640, 480)),
        ((641, 479), 1080, (641, 479)),  # never above the camera's
        ((640, 480), 240, (320, 240)),
        ((1280, 720), 362, (640, 360)),
        ((480, 640), 322, (240, 320)),
    ],
)
def test_the_working_size_keeps_the_shape(frame: tuple[int, int], height: int, expected: tuple[int, int]) -> None:
    assert working_size(frame, height, 4) == expected


@pytest.mark.parametrize(("speed", "expected"), [(1e9, 720), (1e4, SMALLEST)])
def test_fast_and_slow_machines(speed: float, expected: int) -> None:
    """speed: rows squared painted in a second."""
    assert choose_height(720, lambda height: height**2 / speed, 30) == expected


def test_the_height_chosen_holds_the_rate() -> None:
    speed = 30 * 480**2
    height = choose_height(720, lambda height: height**2 / speed, 30)
    assert 400 < height < 480
    assert height**2 / speed < 1 / 30


def test_a_small_camera_is_painted_as_it_is() -> None:
    assert choose_height(120, lambda height: 1.0, 30) == 120
