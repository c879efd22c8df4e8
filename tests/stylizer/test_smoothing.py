"""Temporal smoothing: less flicker, sharp motion, no ghosts."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from realtime import Look, TemporalSmoother
from realtime.frame import Image
from realtime.stylizer.library import Library
from realtime.stylizer.look import one_style

SIZE = (320, 240)


@pytest.fixture
def look(library: Library) -> Look:
    return replace(one_style(*library.styles[0]), smooth=1.0)


@pytest.fixture(scope="module")
def scene(photo: Image) -> Image:
    return np.asarray(cv2.resize(photo, (480, 240), interpolation=cv2.INTER_AREA), np.uint8)


def flickering(image: Image, number: int) -> Image:
    """Return the image "stylized" with noise that differs from frame to frame."""
    noise = np.random.default_rng(number).normal(0, 20, image.shape[:2])
    return np.clip(255 - image + noise[..., None], 0, 255).astype(np.uint8)


def run(smoother: TemporalSmoother, pictures: list[Image], look: Look) -> tuple[list[Image], list[Image]]:
    raw = [flickering(picture, number) for number, picture in enumerate(pictures)]
    return raw, [smoother.apply(p, r, look) for p, r in zip(pictures, raw, strict=True)]


def distance(one: Image, other: Image) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_flicker_of_a_still_scene_falls_to_a_third(scene: Image, look: Look) -> None:
    raw, out = run(TemporalSmoother(), [scene[:, :320]] * 12, look)
    assert distance(out[11], out[10]) < distance(raw[11], raw[10]) / 3


def test_more_smoothing_leaves_less_change(scene: Image, look: Look) -> None:
    pictures = [scene[:, :320]] * 12
    changes = []
    for smooth in (0.0, 0.5, 1.0):
        _, out = run(TemporalSmoother(), pictures, replace(look, smooth=smooth))
        changes.append(distance(out[11], out[10]))
    assert changes[0] > 1.3 * changes[1] > 1.3 * 1.3 * changes[2]


def test_pan_is_followed_by_the_held_picture(scene: Image, look: Look) -> None:
    """The camera turns: what is held moves with the scene."""
    pictures = [np.ascontiguousarray(scene[:, 6 * n : 6 * n + 320]) for n in range(12)]
    raw, out = run(TemporalSmoother(), pictures, look)
    clean = 255 - pictures[-1]
    assert distance(out[-1], clean) < 0.75 * distance(raw[-1], clean)


@pytest.mark.parametrize("flat", [True, False])
def test_moving_thing_leaves_no_ghost(scene: Image, look: Look, flat: bool) -> None:
    pictures = []
    for n in range(12):
        picture = np.full((240, 320, 3), 200, np.uint8) if flat else scene[:, :320].copy()
        picture[80:160, 16 * n : 16 * n + 64] = (20, 20, 200)
        pictures.append(picture)
    smoother = TemporalSmoother()
    out = [smoother.apply(picture, 255 - picture, look) for picture in pictures]
    for number in range(1, 12):
        error = np.abs(out[number].astype(int) - (255 - pictures[number]))
        assert error.max() < 45 and error[80:160, : 16 * number].max(axis=2).mean() < 2, "of a contrast of 180"


def test_cut_to_another_scene_holds_nothing(scene: Image, look: Look) -> None:
    one, other = scene[:, :320], np.ascontiguousarray(255 - scene[:, 160:])
    smoother = TemporalSmoother()
    smoother.apply(one, 255 - one, look)
    assert distance(smoother.apply(other, 255 - other, look), 255 - other) < 2


def test_cut_between_dark_scenes_holds_nothing(scene: Image, look: Look) -> None:
    """Both are so dark that hardly a pixel changes by more than noise does."""
    one, other = scene[:, :320] // 12, np.ascontiguousarray(scene[::-1, 160:] // 12)
    smoother = TemporalSmoother()
    smoother.apply(one, np.full_like(one, 250), look)
    assert np.array_equal(smoother.apply(other, np.full_like(other, 10), look), np.full_like(other, 10))


def test_cut_to_a_scene_that_is_alike_in_part_holds_nothing_there(scene: Image, look: Look) -> None:
    one, other = scene[:, :320].copy(), np.ascontiguousarray(255 - scene[:, :320])
    one[:80], other[:80] = 0, 0  # a black bar in both
    smoother = TemporalSmoother()
    smoother.apply(one, np.full_like(one, 250), look)
    assert np.array_equal(smoother.apply(other, np.full_like(other, 10), look), np.full_like(other, 10))


def test_fade_of_the_light_is_no_cut(scene: Image, look: Look) -> None:
    one, darker = scene[:, :320], (scene[:, :320] * 0.97).astype(np.uint8)
    smoother = TemporalSmoother()
    smoother.apply(one, np.full_like(one, 250), look)
    assert smoother.apply(darker, np.full_like(one, 10), look).mean() > 100


def test_another_style_or_size_holds_nothing(scene: Image, look: Look, library: Library) -> None:
    picture = scene[:, :320]
    for again in (one_style(*library.styles[1]), look):
        smoother = TemporalSmoother()
        smoother.apply(picture, 255 - picture, look)
        new = picture if again is not look else np.ascontiguousarray(picture[:120, :160])
        assert smoother.apply(new, new, replace(again, smooth=1.0)) is new


def test_reset_holds_nothing(scene: Image, look: Look) -> None:
    smoother = TemporalSmoother()
    smoother.apply(scene, 255 - scene, look)
    smoother.reset()
    assert smoother.apply(scene, scene, look) is scene
