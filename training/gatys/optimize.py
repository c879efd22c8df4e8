"""The optimisation of Gatys et al. (2015), "A Neural Algorithm of Artistic Style": the pixels are what is learnt.

    total = content_weight * sum of content errors + style_weight * sum of style errors

over VGG layers; an error of 0 is the target itself, 1 is as far from it as nothing at all (training/loss.py).

The paper's weights, alpha for content and beta for style, multiply sums of squares instead. Its terms are ours
times what they are divided by: alpha * ||F||^2 / 2, and beta * ||G||^2 / (4 * channels^2) / layers, where F are
the photo's activations and G is the painting's mean Gram matrix. ||F||^2 grows with the picture, so its
ratio of 1e-3 or 1e-4 means another balance for every size; ours means the same for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.errors import TrainingError
from training.loss import Palette, gram_matrix, relative_error, tone_error
from training.vgg import Vgg

OPTIMIZERS = ("lbfgs", "adam")
HISTORY = 20  # steps that L-BFGS remembers, two pictures each
ADAM_RATE = 0.02  # of values in 0..1, a step
SCALE = 1e4  # what the total is multiplied by: L-BFGS takes no notice of slopes below 1e-10
OUTSIDE = 100.0  # the price of values beyond 0..1, times their mean square: a screen cannot show them
GROWTH = 1.05  # of a rate that was halved, with each step that went well
BLOWN_UP = 3.0  # times the lowest total so far: a step without line search went wrong


@dataclass(frozen=True)
class Recipe:
    """What counts, and how much."""

    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    content_weight: float = 1.0
    style_weight: float = 30.0
    tone_weight: float = 0.0
    palette_weight: float = 0.0

    @property
    def layers(self) -> tuple[str, ...]:
        """All that VGG has to give."""
        return tuple(dict.fromkeys(self.content_layers + self.style_layers))


@dataclass(frozen=True)
class Step:
    """A picture on the way and what it scores.

    number: steps taken to get here, 0 for the start; picture: [1, 3, H, W], RGB, not clamped to 0..1;
    content, style: unweighted sums over layers; total: weighted, with tone and palette where asked for.
    """

    number: int
    picture: Tensor
    content: float
    style: float
    total: float


class PairLoss:
    """One photo and one painting as a target.

    vgg: has every layer of the recipe; photo, painting: [1, 3, H, W] each, RGB in 0..1, of any two sizes.
    """

    def __init__(self, vgg: Vgg, photo: Tensor, painting: Tensor, recipe: Recipe) -> None:
        self.vgg, self.photo, self.recipe = vgg, photo, recipe
        self.palette = Palette([painting])
        with torch.no_grad():
            self.content = vgg(photo, recipe.content_layers)
            self.grams = {name: gram_matrix(x) for name, x in vgg(painting, recipe.style_layers).items()}

    def __call__(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Content, style and total of a picture [1, 3, H, W] of the photo's size: scalars."""
        recipe = self.recipe
        features = self.vgg(picture, recipe.layers)
        content = torch.cat([relative_error(features[name], x) for name, x in self.content.items()]).sum()
        style = torch.cat([relative_error(gram_matrix(features[name]), x) for name, x in self.grams.items()]).sum()
        total = recipe.content_weight * content + recipe.style_weight * style
        if recipe.tone_weight:
            total = total + recipe.tone_weight * tone_error(picture, self.photo)[0]
        if recipe.palette_weight:
            only = torch.zeros(1, dtype=torch.int64, device=picture.device)
            total = total + recipe.palette_weight * self.palette.error(picture, only)[0]
        return content, style, total


def optimise(loss: PairLoss, start: Tensor, iterations: int, optimizer: str = "lbfgs") -> Iterator[Step]:
    """Walk down from a picture: yields the start, then every one of the steps.

    start: [1, 3, H, W], RGB in 0..1, of the photo's size; it is not changed. Stop whenever you like.
    A step that makes things much worse is taken back and the optimizer begins anew from the best picture so far.
    Raises TrainingError where not even the start has a finite loss.
    """
    picture = start.detach().clone().requires_grad_(True)
    rate = 1.0  # of L-BFGS's steps: at its full one some pairs blow up again and again
    stepper, best = _stepper(optimizer, picture, rate), None
    for number in range(iterations + 1):
        found: list[Step] = []

        def evaluate(number: int = number, found: list[Step] = found) -> float:
            picture.grad = None
            content, style, total = loss(picture)
            found.append(Step(number, picture.detach().clone(), content.item(), style.item(), total.item()))
            outside = (picture - picture.clamp(0, 1)).square().mean()
            torch.autograd.backward((total + OUTSIDE * outside) * SCALE)
            return found[-1].total * SCALE

        stepper.step(evaluate)  # scores the picture, then moves it
        (step,) = found
        if best is None and not step.total < float("inf"):
            raise TrainingError("the loss of the first picture is not a number: are these VGG weights?")
        if best is not None and not step.total < BLOWN_UP * best.total:
            with torch.no_grad():
                picture.copy_(best.picture)
            rate /= 2
            stepper = _stepper(optimizer, picture, rate)
            continue
        if rate < 1:
            rate = min(1.0, rate * GROWTH)
            for group in stepper.param_groups:
                group["lr"] = rate * (ADAM_RATE if optimizer == "adam" else 1)
        best = step if best is None or step.total < best.total else best
        yield step


def noise_like(photo: Tensor, seed: int) -> Tensor:
    """White noise around mid-grey, the start that the paper's figures were made from."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(photo.shape, generator=generator) * 0.1 + 0.5
    return noise.clamp(0, 1).to(photo.device)


def _stepper(optimizer: str, picture: Tensor, rate: float) -> torch.optim.Optimizer:
    """What evaluates once and moves the picture once, at each step."""
    if optimizer == "adam":
        return torch.optim.Adam([picture], ADAM_RATE * rate)
    return torch.optim.LBFGS([picture], rate, 1, history_size=HISTORY, tolerance_grad=0, tolerance_change=0)
