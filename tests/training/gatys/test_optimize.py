"""Real optimisations, of small pictures, through a VGG with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.errors import TrainingError
from training.gatys.optimize import PairLoss, Recipe, Step, noise_like, optimise
from training.loss import PerceptualLoss
from training.vgg import Vgg, Vgg16

RECIPE = Recipe(("relu3_3",), ("relu1_2", "relu2_2", "relu3_3"), style_weight=5)
Pair = tuple[PairLoss, Tensor]


def blobs(seed: int, size: int = 48) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.interpolate(torch.rand(1, 3, 6, 6, generator=generator), (size, size), mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def pair(vgg_file: Path) -> Pair:
    photo = blobs(1)
    return PairLoss(Vgg("vgg16", RECIPE.layers, vgg_file), photo, blobs(2), RECIPE), photo


def test_every_step_scores_the_picture_it_comes_with(pair: Pair) -> None:
    loss, photo = pair
    steps = list(optimise(loss, photo, 3))
    assert [step.number for step in steps] == [0, 1, 2, 3]
    for step in steps:
        content, style, total = loss(step.picture)
        assert (content.item(), style.item(), total.item()) == pytest.approx((step.content, step.style, step.total))
        assert step.total == pytest.approx(step.content + 5 * step.style)
    assert torch.equal(steps[0].picture, photo) and steps[0].content == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("optimizer", "share"), [("lbfgs", 0.2), ("adam", 0.6)])
def test_the_loss_falls(pair: Pair, optimizer: str, share: float) -> None:
    loss, photo = pair
    steps = list(optimise(loss, photo, 25, optimizer))
    assert steps[-1].total < share * steps[0].total
    assert steps[-1].style < share * steps[0].style
    assert torch.equal(photo, blobs(1)), "the start was changed"


def test_starting_from_the_photo_keeps_more_of_it(pair: Pair) -> None:
    loss, photo = pair
    from_photo = list(optimise(loss, photo, 15))[-1]
    from_noise = list(optimise(loss, noise_like(photo, 0), 15))[-1]
    assert from_photo.content < from_noise.content


def test_noise_is_repeatable() -> None:
    photo = blobs(1)
    assert torch.equal(noise_like(photo, 3), noise_like(photo, 3))
    assert not torch.equal(noise_like(photo, 3), noise_like(photo, 4))


def test_values_stay_near_what_a_screen_shows(pair: Pair) -> None:
    loss, photo = pair
    last = list(optimise(loss, photo, 25))[-1]
    assert (last.picture - last.picture.clamp(0, 1)).abs().max() < 0.1
    assert loss(last.picture.clamp(0, 1))[2].item() < 1.2 * last.total


def test_the_loss_is_that_of_the_training(vgg_file: Path) -> None:
    """With its layers; so a network and an optimisation can be compared."""
    from training.loss import CONTENT_LAYER, STYLE_LAYERS

    vgg, photo, painting, picture = Vgg16(vgg_file), blobs(1), blobs(2), blobs(3)
    content, style, _ = PairLoss(vgg, photo, painting, Recipe((CONTENT_LAYER,), STYLE_LAYERS, 1, 1))(picture)
    perceptual = PerceptualLoss(vgg, [painting])
    reference = perceptual(picture, photo, perceptual.content(photo), torch.tensor([0]))
    assert content.item() == pytest.approx(reference.content.item())
    assert style.item() == pytest.approx(reference.style.item())


def test_tone_and_palette_count_where_asked_for(vgg_file: Path) -> None:
    vgg, photo, painting = Vgg16(vgg_file), blobs(1), blobs(2)
    plain, more = (
        PairLoss(vgg, photo, painting, Recipe(("relu3_3",), ("relu1_2",), 1, 1, *weights))
        for weights in ((0, 0), (2, 3))
    )
    assert more(1 - photo)[2] - plain(1 - photo)[2] > 2
    assert more.palette.error(painting, torch.tensor([0])).item() == pytest.approx(0, abs=1e-3)


class Scripted:
    """A loss that says what it is told: a fake with the shape of PairLoss."""

    def __init__(self, blow_up: Callable[[int], bool]) -> None:
        self.blow_up, self.calls = blow_up, 0

    def __call__(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.calls += 1
        total = 1 + (picture - 0.25).square().sum()
        if self.blow_up(self.calls):
            total = total * float("nan")
        return total, total, total


def test_a_step_that_blows_up_is_taken_back() -> None:
    loss = Scripted(lambda call: call == 4)
    steps: list[Step] = list(optimise(loss, blobs(1, 8), 20))  # type: ignore[arg-type]
    assert [step.number for step in steps] == [number for number in range(21) if number != 3]
    assert steps[-1].total - 1 < 1e-3 * (steps[0].total - 1)


def test_where_full_steps_blow_up_again_and_again_they_get_shorter() -> None:
    """At the full rate a third of these is taken back, and of some photos nearly all: the picture stays the photo."""

    def loss(picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        values = picture.flatten()
        steep = ((values - 0.5) * torch.linspace(1, 30, len(values))).abs().pow(4).sum()
        return torch.zeros(()), steep, steep

    start = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    steps = list(optimise(loss, start, 60))  # type: ignore[arg-type]
    assert len(steps) > 52 and min(step.total for step in steps) < 1e-8 * steps[0].total


def test_a_loss_that_is_never_a_number_is_an_error() -> None:
    with pytest.raises(TrainingError, match="is not a number"):
        next(optimise(Scripted(lambda _: True), blobs(1, 8), 5))  # type: ignore[arg-type]
