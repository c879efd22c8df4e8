"""The optimization from coarse to fine."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.errors import TrainingError
from training.gatys.coarse_to_fine import CoarseToFine, Settings, scales
from training.gatys.luminance import luminance, restore_colours, to_matched_grey
from training.gatys.optimize import LossSettings
from training.images import to_tensor

LOSS = LossSettings(("relu2_2",), ("relu1_2", "relu2_2"), style_weight=5)


def random_image(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    small = np.random.default_rng(seed).integers(40, 216, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def chroma(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return Cr and Cb of a BGR image: [H, W, 2]."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb), np.float32)[:, :, 1:]


def stylize(photo: NDArray[np.uint8], painting: NDArray[np.uint8], settings: Settings) -> NDArray[np.uint8]:
    optimization = CoarseToFine(photo, painting, settings)
    list(optimization.run())
    stylized = optimization.result()
    assert stylized is not None
    return stylized


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
def test_scales_halve_the_size_down_to_the_coarsest(
    height: int, width: int, size: int | None, expected: list[tuple[int, int]]
) -> None:
    assert scales(height, width, size, 192) == expected


def test_scales_refuses_a_short_side_below_32_pixels() -> None:
    with pytest.raises(TrainingError, match="512x10 is too small to paint: 32 pixels a side at least"):
        scales(20, 1000, 512, 192)


def test_edges_of_a_flat_image_cause_no_activations(vgg_file: Path) -> None:
    optimization = CoarseToFine(random_image(1, 96, 128), random_image(2, 90, 120), Settings(LOSS, vgg=vgg_file))
    activations = optimization.vgg(torch.full((1, 3, 48, 64), 0.4), ("relu2_2",))["relu2_2"]
    assert activations.amax() > 0.01
    torch.testing.assert_close(activations, activations[:, :, 12:13, 16:17].expand_as(activations))


def test_each_scale_starts_from_the_result_of_the_coarser_one(vgg_file: Path) -> None:
    optimization = CoarseToFine(
        random_image(1, 96, 128), random_image(2, 90, 120), Settings(LOSS, vgg=vgg_file, iterations=4, coarsest=64)
    )
    reports = list(optimization.run())
    assert [report.iterations for report in reports] == [0, 1, 2, 3, 4, 4, 5, 6] and reports[-1].total == 6
    assert [(report.height, report.width) for report in reports] == [(48, 64)] * 5 + [(96, 128)] * 3
    first, last, upscaled = (reports[number].result.image for number in (0, 4, 5))
    smaller = torch.nn.functional.avg_pool2d(upscaled, 2)
    assert (smaller - last).abs().mean() < 0.5 * (smaller - first).abs().mean()
    result = optimization.result()
    assert result is not None and result.shape == (96, 128, 3)


def test_result_has_full_size_from_the_first_step_on(vgg_file: Path) -> None:
    photo = random_image(1, 96, 128)
    optimization = CoarseToFine(
        photo, random_image(2, 90, 120), Settings(LOSS, vgg=vgg_file, iterations=4, coarsest=64)
    )
    assert optimization.result() is None
    next(optimization.run())
    result = optimization.result()
    assert result is not None and result.shape == photo.shape
    assert np.abs(result.astype(float) - photo).mean() < 3, "the start is the photo, upscaled from the coarsest scale"


def test_keep_colors_keeps_chroma_and_changes_luminance(vgg_file: Path) -> None:
    photo, painting = random_image(1, 64, 64), random_image(2, 64, 64)
    recoloured = stylize(photo, painting, Settings(LOSS, vgg=vgg_file, iterations=12))
    kept = stylize(photo, painting, Settings(LOSS, vgg=vgg_file, iterations=12, keep_colors=True))
    assert np.abs(chroma(kept) - chroma(photo)).max() <= 2
    assert np.abs(chroma(recoloured) - chroma(photo)).mean() > 4
    assert np.abs(kept.astype(float) - photo).mean() > 2, "luminance did not change"


def test_restore_colours_keeps_the_hue_at_extreme_luminance() -> None:
    photo = torch.tensor([0.9, 0.1, 0.1]).view(1, 3, 1, 1)
    for level in (0.0, 1.0):
        restored = restore_colours(photo, torch.full((1, 3, 1, 1), level))
        assert restored.min() >= 0 and restored.max() <= 1
        torch.testing.assert_close(restored - luminance(restored), photo - luminance(photo))


def test_matched_grey_painting_has_brightness_and_contrast_of_the_photo() -> None:
    photo, painting = (to_tensor(random_image(seed, 40, 40))[None] for seed in (1, 2))
    grey_photo, grey_painting = to_matched_grey(photo, painting * 0.3)
    assert grey_painting.mean().item() == pytest.approx(grey_photo.mean().item(), abs=0.02)
    assert grey_painting.std().item() == pytest.approx(grey_photo.std().item(), abs=0.02)


def test_painting_size_grows_with_the_stroke_factor(vgg_file: Path) -> None:
    photo, painting = random_image(1, 64, 64), random_image(2, 50, 200)
    one, two = (CoarseToFine(photo, painting, Settings(LOSS, vgg=vgg_file, stroke=stroke)) for stroke in (1.0, 2.0))
    assert one._painting_size(64, 64) == (32, 128)
    assert two._painting_size(64, 64) == (64, 256)
