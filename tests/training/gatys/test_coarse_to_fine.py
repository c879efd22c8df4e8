from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.errors import TrainingError
from training.gatys.coarse_to_fine import Settings, Still, scales
from training.gatys.luminance import greys, luminance, with_colours_of
from training.gatys.optimize import Recipe
from training.images import to_tensor

RECIPE = Recipe(("relu2_2",), ("relu1_2", "relu2_2"), style_weight=5)


def picture(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    small = np.random.default_rng(seed).integers(40, 216, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def chroma(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Cb and Cr: [H, W, 2]."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb), np.float32)[:, :, 1:]


def paint(still: Still) -> NDArray[np.uint8]:
    for _ in still.paint():
        pass
    made = still.picture()
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("height", "width", "size", "expected"),
    [
        (600, 800, None, [(192, 256), (384, 512)]),
        (600, 800, 1024, [(192, 256), (384, 512), (768, 1024)]),
        (120, 160, None, [(120, 160)]),
        (160, 120, 320, [(320, 240)]),
        (100, 1000, 512, [(51, 512)]),
    ],
)
def test_scales_go_from_coarse_to_fine(
    height: int, width: int, size: int | None, expected: list[tuple[int, int]]
) -> None:
    assert scales(height, width, size, 192) == expected


def test_a_sliver_is_refused() -> None:
    with pytest.raises(TrainingError, match="512x10 is too small to paint: 32 pixels a side at least"):
        scales(20, 1000, 512, 192)


def test_the_edge_of_a_picture_is_nothing_to_see(vgg_file: Path) -> None:
    still = Still(picture(1, 96, 128), picture(2, 90, 120), Settings(RECIPE, vgg=vgg_file))
    seen = still.vgg(torch.full((1, 3, 48, 64), 0.4), ("relu2_2",))["relu2_2"]
    assert seen.amax() > 0.01
    torch.testing.assert_close(seen, seen[:, :, 12:13, 16:17].expand_as(seen))


def test_each_scale_begins_where_the_last_one_ended(vgg_file: Path) -> None:
    still = Still(picture(1, 96, 128), picture(2, 90, 120), Settings(RECIPE, vgg=vgg_file, iterations=4, coarsest=64))
    seen = []
    for now in still.paint():
        seen.append((now.done, now.height, now.width, now.step))
    assert [entry[0] for entry in seen] == [0, 1, 2, 3, 4, 4, 5, 6] and now.total == 6
    assert [entry[1:3] for entry in seen] == [(48, 64)] * 5 + [(96, 128)] * 3
    first, last, upscaled = seen[0][3].picture, seen[4][3].picture, seen[5][3].picture
    smaller = torch.nn.functional.avg_pool2d(upscaled, 2)
    assert (smaller - last).abs().mean() < 0.5 * (smaller - first).abs().mean()
    made = still.picture()
    assert made is not None and made.shape == (96, 128, 3)


def test_there_is_a_picture_of_full_size_from_the_first_step_on(vgg_file: Path) -> None:
    photo = picture(1, 96, 128)
    still = Still(photo, picture(2, 90, 120), Settings(RECIPE, vgg=vgg_file, iterations=4, coarsest=64))
    assert still.picture() is None
    next(still.paint())
    made = still.picture()
    assert made is not None and made.shape == photo.shape
    assert np.abs(made.astype(float) - photo).mean() < 3, "the start is the photo, upscaled from the coarsest scale"


def test_keep_colors_keeps_chroma_and_changes_luminance(vgg_file: Path) -> None:
    photo, painting = picture(1, 64, 64), picture(2, 64, 64)
    free = paint(Still(photo, painting, Settings(RECIPE, vgg=vgg_file, iterations=12)))
    kept = paint(Still(photo, painting, Settings(RECIPE, vgg=vgg_file, iterations=12, keep_colors=True)))
    assert np.abs(chroma(kept) - chroma(photo)).max() <= 2
    assert np.abs(chroma(free) - chroma(photo)).mean() > 4
    assert np.abs(kept.astype(float) - photo).mean() > 2, "nothing was painted"


def test_a_colour_that_cannot_be_so_light_keeps_its_hue() -> None:
    photo = torch.tensor([0.9, 0.1, 0.1]).view(1, 3, 1, 1)
    for level in (0.0, 1.0):
        mixed = with_colours_of(photo, torch.full((1, 3, 1, 1), level))
        assert mixed.min() >= 0 and mixed.max() <= 1
        torch.testing.assert_close(mixed - luminance(mixed), photo - luminance(photo))


def test_the_grey_painting_is_as_light_as_the_photo() -> None:
    photo, painting = (to_tensor(picture(seed, 40, 40))[None] for seed in (1, 2))
    grey_photo, grey_painting = greys(photo, painting * 0.3)
    assert grey_painting.mean().item() == pytest.approx(grey_photo.mean().item(), abs=0.02)
    assert grey_painting.std().item() == pytest.approx(grey_photo.std().item(), abs=0.02)


def test_strokes_grow_with_the_painting(vgg_file: Path) -> None:
    photo, painting = picture(1, 64, 64), picture(2, 50, 200)
    one, two = (Still(photo, painting, Settings(RECIPE, vgg=vgg_file, stroke=stroke)) for stroke in (1.0, 2.0))
    assert one._painting_size(64, 64) == (32, 128)
    assert two._painting_size(64, 64) == (64, 256)
