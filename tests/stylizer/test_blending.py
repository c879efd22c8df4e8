"""Blending with the photo: strength and colours."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from realtime import Look, Stylizer
from realtime.frame import Image
from realtime.imaging import resize
from realtime.stylizer.blending import BAND_ROWS, blend_look, keep_colors
from realtime.stylizer.library import Library
from realtime.stylizer.look import one_style


@pytest.fixture
def look(library: Library) -> Look:
    return one_style(*library.styles[0])


@pytest.fixture(scope="module")
def pair(photo: Image) -> tuple[Image, Image]:
    """A stylized picture and its photo."""
    original = np.ascontiguousarray(photo[:200, :300])
    with Stylizer("the_scream", provider="cpu") as stylizer:
        return stylizer.stylize(original), original


def luma(image: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return image.astype(np.float64) @ [0.114, 0.587, 0.299]


def test_blend_look_returns_the_stylized_picture_at_the_defaults(look: Look, pair: tuple[Image, Image]) -> None:
    assert blend_look(*pair, look) is pair[0]
    small = resize(pair[0], (60, 40))
    assert blend_look(small, pair[1], look) is small


@pytest.mark.parametrize("strength", [0.25, 0.5, 0.9])
def test_strength_blends_linearly(look: Look, pair: tuple[Image, Image], strength: float) -> None:
    stylized, original = pair
    wanted = stylized * strength + original * (1 - strength)
    assert np.abs(blend_look(stylized, original, replace(look, strength=strength)) - wanted).max() <= 1


def test_half_of_black_and_white_has_half_the_lightness(look: Look) -> None:
    black, white = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)
    lightness = cv2.cvtColor(blend_look(black, white, replace(look, strength=0.5)), cv2.COLOR_BGR2LAB)[0, 0, 0] / 2.55
    assert 45 < lightness < 60


def test_smaller_stylized_picture_is_blended_at_the_size_of_the_photo(look: Look, pair: tuple[Image, Image]) -> None:
    mixed = blend_look(resize(pair[0], (150, 100)), pair[1], replace(look, strength=0.5))
    assert mixed.shape == pair[1].shape


def test_keep_colors_keeps_the_stylized_luminance_and_the_photos_hue(pair: tuple[Image, Image]) -> None:
    stylized, original = pair
    kept = keep_colors(stylized, original)
    assert np.abs(luma(kept) - luma(stylized)).max() < 3
    blue, red = (original[..., c] - luma(original) for c in (0, 2))
    new_blue, new_red = (kept[..., c] - luma(kept) for c in (0, 2))
    colourful = (np.hypot(blue, red) > 30) & (np.hypot(new_blue, new_red) > 20)
    assert colourful.mean() > 0.1
    turned = np.angle((new_blue + 1j * new_red) / np.where(colourful, blue + 1j * red, 1))[colourful]
    assert np.quantile(np.abs(turned), 0.99) < 0.1, "radians between the hues"


def test_keep_colors_keeps_the_whole_chrominance_where_it_fits() -> None:
    original = np.full((4, 4, 3), (90, 120, 150), np.uint8)
    stylized = np.full((4, 4, 3), 140, np.uint8)
    assert np.abs(keep_colors(stylized, original) - (original + (140 - luma(original)[..., None]))).max() <= 1.5


@pytest.mark.parametrize("level", [0, 1, 254, 255])
def test_keep_colors_leaves_black_and_white_without_colour(level: int) -> None:
    stylized = np.full((3, 3, 3), level, np.uint8)
    original = np.random.default_rng(0).integers(0, 256, (3, 3, 3), np.uint8)
    assert np.abs(keep_colors(stylized, original).astype(int) - level).max() <= 3


def test_keep_colors_of_a_grey_photo_is_grey() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    assert (keep_colors(grey, grey[::-1].copy()) == grey).all()


def test_keep_colors_has_no_seam_between_bands(pair: tuple[Image, Image]) -> None:
    whole = keep_colors(*pair)
    for top in (1, BAND_ROWS - 1, BAND_ROWS + 1):
        assert (keep_colors(pair[0][top:], pair[1][top:]) == whole[top:]).all()


def test_blend_look_does_not_change_its_arguments(look: Look, pair: tuple[Image, Image]) -> None:
    before = [image.copy() for image in pair]
    blend_look(*pair, replace(look, strength=0.4, keep_colors=0.7))
    assert all((a == b).all() for a, b in zip(before, pair, strict=True))
