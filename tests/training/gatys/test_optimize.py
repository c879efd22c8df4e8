"""Optimizations of small images through a VGG with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.errors import TrainingError
from training.gatys.optimize import IterationResult, LossSettings, PairLoss, make_loss, noise_like, optimize
from training.loss import LOSSES, PerceptualLoss
from training.vgg import Vgg

LOSS = LossSettings(("relu3_3",), ("relu1_2", "relu2_2", "relu3_3"), style_weight=5)
Pair = tuple[PairLoss, Tensor]


def blobs(seed: int, size: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.interpolate(torch.rand(1, 3, 6, 6, generator=generator), (size, size), mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def pair(vgg_file: Path) -> Pair:
    photo = blobs(1)
    return PairLoss(Vgg("vgg16", LOSS.layers, vgg_file), photo, blobs(2), LOSS), photo


@pytest.fixture(scope="module")
def steps_from_photo(pair: Pair) -> list[IterationResult]:
    """Return the start and 25 steps of L-BFGS."""
    loss, photo = pair
    return list(optimize(loss, photo, 25))


def test_step_holds_the_losses_of_its_own_image(pair: Pair, steps_from_photo: list[IterationResult]) -> None:
    loss, photo = pair
    steps = steps_from_photo[:4]
    assert [step.number for step in steps] == [0, 1, 2, 3]
    for step in steps:
        content, style, total = loss(step.image)
        assert (content.item(), style.item(), total.item()) == pytest.approx((step.content, step.style, step.total))
        assert step.total == pytest.approx(step.content + 5 * step.style)
    assert torch.equal(steps[0].image, photo) and steps[0].content == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("optimizer", "factor"), [("lbfgs", 0.2), ("adam", 0.6)])
def test_optimize_reduces_total_and_style_loss_without_changing_the_start(
    pair: Pair, steps_from_photo: list[IterationResult], optimizer: str, factor: float
) -> None:
    loss, photo = pair
    steps = steps_from_photo if optimizer == "lbfgs" else list(optimize(loss, photo, 25, optimizer))
    assert steps[-1].total < factor * steps[0].total
    assert steps[-1].style < factor * steps[0].style
    assert torch.equal(photo, blobs(1)), "the start was changed"


def test_start_from_photo_keeps_more_content_than_start_from_noise(
    pair: Pair, steps_from_photo: list[IterationResult]
) -> None:
    loss, photo = pair
    from_noise = list(optimize(loss, noise_like(photo, 0), 15))[-1]
    assert steps_from_photo[15].content < from_noise.content


def test_noise_depends_on_the_seed_alone() -> None:
    photo = blobs(1)
    assert torch.equal(noise_like(photo, 3), noise_like(photo, 3))
    assert not torch.equal(noise_like(photo, 3), noise_like(photo, 4))


def test_optimized_values_stay_near_0_to_1(pair: Pair, steps_from_photo: list[IterationResult]) -> None:
    loss, last = pair[0], steps_from_photo[-1]
    assert (last.image - last.image.clamp(0, 1)).abs().max() < 0.1
    assert loss(last.image.clamp(0, 1))[2].item() < 1.2 * last.total


def test_pair_loss_equals_the_perceptual_loss_of_the_training(vgg_file: Path) -> None:
    """The results of a network and of an optimization can then be compared."""
    from training.loss import CONTENT_LAYER, STYLE_LAYERS

    vgg, photo, painting, image = Vgg("vgg16", ("relu4_3",), vgg_file), blobs(1), blobs(2), blobs(3)
    content, style, _ = PairLoss(vgg, photo, painting, LossSettings((CONTENT_LAYER,), STYLE_LAYERS, 1, 1))(image)
    perceptual = PerceptualLoss(vgg, [painting])
    reference = perceptual(image, photo, perceptual.content(photo), torch.tensor([0]))
    assert content.item() == pytest.approx(reference.content.item())
    assert style.item() == pytest.approx(reference.style.item())


def test_tone_and_palette_count_where_they_have_a_weight(vgg_file: Path) -> None:
    vgg, photo, painting = Vgg("vgg16", ("relu4_3",), vgg_file), blobs(1), blobs(2)
    plain, more = (
        PairLoss(vgg, photo, painting, LossSettings(("relu3_3",), ("relu1_2",), 1, 1, *weights))
        for weights in ((0, 0), (2, 3))
    )
    assert more(1 - photo)[2] - plain(1 - photo)[2] > 2
    assert more.palette.error(painting, torch.tensor([0])).item() == pytest.approx(0, abs=1e-3)


def test_pyramid_loss_weighs_the_terms_of_the_training(vgg_file: Path) -> None:
    layers, photo, painting, image = LOSSES["pyramid"], blobs(1, 128), blobs(2, 136), blobs(3, 128)
    vgg = Vgg("vgg16", layers.all, vgg_file, layers.pooling)
    settings = LossSettings((), (), 2, 3, 5, 7, layers)
    content, style, total = make_loss(vgg, photo, painting, settings)(image)
    training = PerceptualLoss(vgg, [painting], layers)
    errors = training(image, photo, training.content(photo), torch.tensor([0]))
    assert (content.item(), style.item()) == pytest.approx((errors.content.item(), errors.style.item()))
    weighted = 2 * errors.content + 3 * errors.style + 5 * errors.tone + 7 * errors.palette
    assert total.item() == pytest.approx(weighted.item())


def test_pyramid_has_as_many_levels_as_fit_into_a_small_picture(vgg_file: Path) -> None:
    layers = LOSSES["pyramid"]
    assert [layers.fitting(side).levels for side in (16, 31, 32, 63, 64, 1000)] == [2, 2, 3, 3, 4, 4]
    vgg = Vgg("vgg16", layers.all, vgg_file, layers.pooling, margins="reflect")
    loss = make_loss(vgg, blobs(1, 32), blobs(2, 80), LossSettings(pyramid=layers))
    steps = list(optimize(loss, blobs(1, 32), 10))
    assert min(step.total for step in steps) < 0.9 * steps[0].total


class FakeLoss:
    """A stand-in for PairLoss that is NaN at the calls chosen by `is_nan`."""

    def __init__(self, is_nan: Callable[[int], bool]) -> None:
        self.is_nan, self.calls = is_nan, 0

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.calls += 1
        total = 1 + (image - 0.25).square().sum()
        if self.is_nan(self.calls):
            total = total * float("nan")
        return total, total, total


def test_diverging_step_is_undone_and_left_out() -> None:
    loss = FakeLoss(lambda call: call == 4)
    steps: list[IterationResult] = list(optimize(loss, blobs(1, 8), 20))
    assert [step.number for step in steps] == [number for number in range(21) if number != 3]
    assert steps[-1].total - 1 < 1e-3 * (steps[0].total - 1)


def test_steps_get_shorter_where_full_ones_diverge_repeatedly() -> None:
    """At the full rate a third of these steps is undone, and for some photos nearly all: the result stays the photo."""

    def loss(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        values = image.flatten()
        steep = ((values - 0.5) * torch.linspace(1, 30, len(values))).abs().pow(4).sum()
        return torch.zeros(()), steep, steep

    start = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    steps = list(optimize(loss, start, 60))
    assert len(steps) > 52 and min(step.total for step in steps) < 1e-8 * steps[0].total


def test_loss_that_is_nan_at_the_start_raises() -> None:
    with pytest.raises(TrainingError, match="is not a number"):
        next(optimize(FakeLoss(lambda _: True), blobs(1, 8), 5))
