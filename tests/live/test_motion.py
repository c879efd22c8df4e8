from __future__ import annotations

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from realtime.live.motion import MotionDetector


def noisy(photo: Image, rng: np.random.Generator, sigma: float = 6) -> Image:
    return np.clip(photo + rng.normal(0, sigma, photo.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def scene(photo: Image) -> Image:
    return np.asarray(cv2.resize(photo, (640, 480), interpolation=cv2.INTER_AREA), np.uint8)


def painted(scene: Image, rng: np.random.Generator) -> MotionDetector:
    stillness = MotionDetector()
    assert not stillness.is_still(noisy(scene, rng))
    stillness.remember()
    return stillness


def test_camera_noise_is_no_motion(scene: Image) -> None:
    rng = np.random.default_rng(0)
    stillness = painted(scene, rng)
    assert all(stillness.is_still(noisy(scene, rng)) for _ in range(50))


def test_a_blink_is_motion(scene: Image) -> None:
    rng = np.random.default_rng(0)
    stillness = painted(scene, rng)
    blink = scene.copy()
    blink[200:212, 300:324] = blink[200:212, 300:324] // 2 + 60
    assert not stillness.is_still(noisy(blink, rng))


def test_slow_changes_add_up(scene: Image) -> None:
    """Dusk: less than half a level a frame, none of which is motion by itself."""
    rng = np.random.default_rng(0)
    stillness = painted(scene, rng)
    dusk = [stillness.is_still(noisy(np.clip(scene - 0.2 * n, 0, 255).astype(np.uint8), rng)) for n in range(40)]
    assert dusk[0] and not dusk[-1]


def test_another_size_is_another_picture(scene: Image) -> None:
    stillness = painted(scene, np.random.default_rng(0))
    assert not stillness.is_still(scene[:240])
