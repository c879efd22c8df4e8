"""Detection of motion between camera frames."""

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


def detector_of(scene: Image, rng: np.random.Generator) -> MotionDetector:
    """Return a detector whose reference is the scene."""
    detector = MotionDetector()
    assert not detector.is_still(noisy(scene, rng))
    detector.remember()
    return detector


def test_camera_noise_is_still(scene: Image) -> None:
    rng = np.random.default_rng(0)
    detector = detector_of(scene, rng)
    assert all(detector.is_still(noisy(scene, rng)) for _ in range(50))


def test_blink_is_motion(scene: Image) -> None:
    rng = np.random.default_rng(0)
    detector = detector_of(scene, rng)
    blink = scene.copy()
    blink[200:212, 300:324] = blink[200:212, 300:324] // 2 + 60
    assert not detector.is_still(noisy(blink, rng))


def test_slow_changes_add_up_to_motion(scene: Image) -> None:
    """Dusk changes by less than half a level a frame, which is no motion by itself."""
    rng = np.random.default_rng(0)
    detector = detector_of(scene, rng)
    dusk = [detector.is_still(noisy(np.clip(scene - 0.2 * n, 0, 255).astype(np.uint8), rng)) for n in range(40)]
    assert dusk[0] and not dusk[-1]


def test_frame_of_another_size_is_motion(scene: Image) -> None:
    detector = detector_of(scene, np.random.default_rng(0))
    assert not detector.is_still(scene[:240])
