"""The optimization of Gatys et al. (2015), "A Neural Algorithm of Artistic Style": the pixels are the parameters.

    total = content_weight * sum of content errors + style_weight * sum of style errors

over VGG layers; the errors are relative: 0 is the target itself, 1 is as far from it as all zeros (training/loss.py).

The paper's weights, alpha for content and beta for style, multiply sums of squares instead. Its terms are ours
times what they are divided by: alpha * ||F||^2 / 2, and beta * ||G||^2 / (4 * channels^2) / layers, where F are
the photo's activations and G is the painting's mean Gram matrix. ||F||^2 grows with the size of the picture, so the
paper's ratio of 1e-3 or 1e-4 means another balance for every size; ours means the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.errors import TrainingError
from training.loss import Layers, Palette, PerceptualLoss, gram_matrix, relative_error, tone_error
from training.vgg import Vgg

LBFGS_HISTORY_STEPS = 20  # each keeps two images in memory
ADAM_LEARNING_RATE = 0.02  # change of a value in 0..1 per step
LOSS_SCALE = 1e4  # the total is multiplied by it, because L-BFGS ignores gradients below 1e-10
OUT_OF_RANGE_WEIGHT = 100.0  # weight of the mean square by which values leave 0..1, which no screen can show
RATE_GROWTH = 1.05  # factor per successful step by which a halved rate recovers
DIVERGENCE_FACTOR = 3.0  # times the lowest total so far: a step without line search has failed

ImageLoss = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]  # content, style and total of an image, as PairLoss's


@dataclass(frozen=True)
class LossSettings:
    """The VGG layers that are compared and the weights of the terms.

    pyramid: the layers and levels of a Gram pyramid, which is compared instead of the layers of Gatys et al.
    """

    content_layers: tuple[str, ...] = ()
    style_layers: tuple[str, ...] = ()
    content_weight: float = 1.0
    style_weight: float = 30.0
    tone_weight: float = 0.0
    palette_weight: float = 0.0
    pyramid: Layers | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that VGG must have."""
        if self.pyramid is not None:
            return self.pyramid.all
        return tuple(dict.fromkeys(self.content_layers + self.style_layers))


@dataclass(frozen=True)
class IterationResult:
    """The image after an iteration, and its losses.

    number: steps taken so far, 0 for the start; image: [1, 3, H, W], RGB, not clamped to 0..1;
    content, style: unweighted sums over layers; total: weighted, with tone and palette where they have a weight.
    """

    number: int
    image: Tensor
    content: float
    style: float
    total: float


class PairLoss:
    """The loss against one photo and one painting.

    vgg: has every layer of the settings; photo, painting: [1, 3, H, W] each, RGB in 0..1, of any two sizes.
    """

    def __init__(self, vgg: Vgg, photo: Tensor, painting: Tensor, settings: LossSettings) -> None:
        self.vgg, self.photo, self.settings = vgg, photo, settings
        self.palette = Palette([painting])
        with torch.no_grad():
            self.content = vgg(photo, settings.content_layers)
            self.grams = {name: gram_matrix(x) for name, x in vgg(painting, settings.style_layers).items()}

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return content, style and total, scalars, of an image [1, 3, H, W] of the photo's size."""
        settings = self.settings
        features = self.vgg(image, settings.layers)
        content = torch.cat([relative_error(features[name], x) for name, x in self.content.items()]).sum()
        style = torch.cat([relative_error(gram_matrix(features[name]), x) for name, x in self.grams.items()]).sum()
        total = settings.content_weight * content + settings.style_weight * style
        if settings.tone_weight:
            total = total + settings.tone_weight * tone_error(image, self.photo)[0]
        if settings.palette_weight:
            index = torch.zeros(1, dtype=torch.int64, device=image.device)
            total = total + settings.palette_weight * self.palette.error(image, index)[0]
        return content, style, total


class PyramidLoss:
    """The loss of the networks' training, a Gram pyramid, against one photo and one painting.

    vgg, photo, painting: as of PairLoss, at least 32 pixels a side. settings: with a `pyramid`; its levels that do not
    fit into the photo or the painting are left out.
    """

    def __init__(self, vgg: Vgg, photo: Tensor, painting: Tensor, settings: LossSettings) -> None:
        assert settings.pyramid is not None
        # Half, because a layer that is padded by reflection needs two positions.
        layers = settings.pyramid.fitting(min(*photo.shape[2:], *painting.shape[2:]) // 2)
        self.photo, self.settings = photo, settings
        self.loss = PerceptualLoss(vgg, [painting], layers)
        self.content = self.loss.content(photo)
        self.index = torch.zeros(1, dtype=torch.int64, device=photo.device)

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return content, style and total, scalars, of an image [1, 3, H, W] of the photo's size."""
        settings, errors = self.settings, self.loss(image, self.photo, self.content, self.index)
        total = settings.content_weight * errors.content + settings.style_weight * errors.style
        total = total + settings.tone_weight * errors.tone + settings.palette_weight * errors.palette
        return errors.content[0], errors.style[0], total[0]


def make_loss(vgg: Vgg, photo: Tensor, painting: Tensor, settings: LossSettings) -> ImageLoss:
    """Return the loss that the settings ask for."""
    kind = PairLoss if settings.pyramid is None else PyramidLoss
    return kind(vgg, photo, painting, settings)


def optimize(loss: ImageLoss, start: Tensor, iterations: int, optimizer: str = "lbfgs") -> Iterator[IterationResult]:
    """Minimize the loss: yield the start, then the image after every successful step.

    loss: as of `make_loss`, or another function of an image that returns content, style and total.
    start: [1, 3, H, W], RGB in 0..1, of the photo's size; it is not changed. optimizer: "lbfgs" or "adam".
    A step that triples the loss is undone, and the optimizer restarts from the best image so far at half the rate.
    Raises TrainingError where even the start has no finite loss.
    """
    image = start.detach().clone().requires_grad_(True)
    rate = 1.0  # relative; at the full rate of L-BFGS some pairs diverge again and again
    stepper, best = _make_stepper(optimizer, image, rate), None
    for number in range(iterations + 1):
        scored: list[IterationResult] = []

        def evaluate(number: int = number, scored: list[IterationResult] = scored) -> float:
            image.grad = None
            content, style, total = loss(image)
            scored.append(IterationResult(number, image.detach().clone(), content.item(), style.item(), total.item()))
            out_of_range = (image - image.clamp(0, 1)).square().mean()
            torch.autograd.backward((total + OUT_OF_RANGE_WEIGHT * out_of_range) * LOSS_SCALE)
            return scored[-1].total * LOSS_SCALE

        stepper.step(evaluate)  # scores the image, then changes it
        (step,) = scored
        if best is None and not step.total < float("inf"):
            raise TrainingError("the loss of the first picture is not a number: are these VGG weights?")
        if best is not None and not step.total < DIVERGENCE_FACTOR * best.total:
            with torch.no_grad():
                image.copy_(best.image)
            rate /= 2
            stepper = _make_stepper(optimizer, image, rate)
            continue
        if rate < 1:
            rate = min(1.0, rate * RATE_GROWTH)
            for group in stepper.param_groups:
                group["lr"] = rate * (ADAM_LEARNING_RATE if optimizer == "adam" else 1)
        best = step if best is None or step.total < best.total else best
        yield step


def noise_like(photo: Tensor, seed: int) -> Tensor:
    """Return white noise around mid-grey, from which the paper's figures start."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(photo.shape, generator=generator) * 0.1 + 0.5
    return noise.clamp(0, 1).to(photo.device)


def _make_stepper(optimizer: str, image: Tensor, rate: float) -> torch.optim.Optimizer:
    """Return an optimizer that evaluates the loss once and changes the image once per step."""
    if optimizer == "adam":
        return torch.optim.Adam([image], ADAM_LEARNING_RATE * rate)
    history = LBFGS_HISTORY_STEPS
    return torch.optim.LBFGS([image], rate, 1, history_size=history, tolerance_grad=0, tolerance_change=0)
