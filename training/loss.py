"""The perceptual loss: content as features, style as Gram matrices (Gatys et al. 2015), relative to their targets.

The style may be compared at several sizes, a pyramid of picture and painting, each level half of the one before, so
that layers with a small receptive field see broad forms too (Snelgrove 2017).

Each term is divided by the squared norm of its own target, so that paintings of different contrast,
layers of different width and VGG weights of any scale all have the same influence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.vgg import Vgg

CONTENT_LAYER = "relu3_3"
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class Layers:
    """The VGG layers that a loss compares, and the sizes at which it does.

    style: layers whose Gram matrices are compared at every level; coarse_style: further ones, at all levels but the
        finest.
    content: the layer whose activations are compared; content_level: the one level at which they are.
    levels: their number; level 0 is the picture itself, and each further one has half the size of the one before.
    pooling: between the stages of VGG, "max" or "average".
    """

    style: tuple[str, ...]
    content: str
    coarse_style: tuple[str, ...] = ()
    levels: int = 1
    content_level: int = 0
    pooling: str = "max"

    @property
    def all(self) -> tuple[str, ...]:
        """Every layer that VGG must have."""
        return tuple({*self.style, *self.coarse_style, self.content})

    @property
    def smallest(self) -> int:
        """Side of the smallest picture, in pixels, that has activations at every level; a multiple of 8."""
        return int(2 ** (self.levels - 1)) * 8

    def fitting(self, side: int) -> Layers:
        """Return these layers without the levels for which a picture of that side is too small."""
        levels = self.levels
        while levels > self.content_level + 1 and replace(self, levels=levels).smallest > side:
            levels -= 1
        return replace(self, levels=levels)

    def style_at(self, level: int) -> tuple[str, ...]:
        """The layers whose Gram matrices are compared at that level."""
        return self.style + self.coarse_style if level else self.style


LOSSES = {
    "single": Layers(STYLE_LAYERS, CONTENT_LAYER),
    "pyramid": Layers(
        ("relu1_1", "relu2_1", "relu3_1"), "relu3_1", ("relu4_1",), levels=4, content_level=1, pooling="average"
    ),
}


def gram_matrix(features: Tensor) -> Tensor:
    """Return channel correlations averaged over positions: [N, C, H, W] -> [N, C, C], float32."""
    n, c, h, w = features.shape
    flat = features.permute(0, 2, 3, 1).reshape(n, h * w, c)  # without a copy in the channels-last layout
    product: Tensor = _SelfProduct.apply(flat)
    return product.float() / (h * w)


class _SelfProduct(torch.autograd.Function):
    """The product X^T X: [N, P, C] -> [N, C, C].

    Autograd would compute the gradient as two products of X's size and their sum; here it is one product.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.transpose(1, 2) @ x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slope: Tensor = x @ (gradient + gradient.transpose(1, 2))
        return slope


def relative_error(value: Tensor, target: Tensor, emphasis: Tensor | None = None) -> Tensor:
    """Return ||value - target||^2 / ||target||^2 for each item of the batch: [N, ...] -> [N].

    emphasis: factors of the squared differences, of a shape that broadcasts to theirs.
    """
    axes = tuple(range(1, value.dim()))
    difference = (value.float() - target.float()).square()
    difference = (difference if emphasis is None else difference * emphasis).sum(axes)
    return difference / target.float().square().sum(axes).clamp_min(1e-12)


def tone_error(stylized: Tensor, photo: Tensor, cell: int = 8) -> Tensor:
    """Return how far the tonal order is inverted: 1 - Pearson's correlation of the two luminances.

    Both are averaged over cells of that many pixels first, so that strokes do not count; nor do contrast and
    brightness. Without this term a face can become its own negative, to which no VGG layer is sensitive.
    [N, 3, H, W] RGB twice -> [N], from 0 (same order) to 2 (a negative).
    """
    luma = torch.tensor(LUMA, device=stylized.device).view(1, 3, 1, 1)
    a, b = (F.avg_pool2d((image.float() * luma).sum(1), cell).flatten(1) for image in (stylized, photo))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    floor = 1e-4 * a.shape[1]  # so that a picture of one tone is not divided by zero
    norms = ((a.square().sum(1) + floor) * (b.square().sum(1) + floor)).sqrt()
    return 1 - (a * b).sum(1) / norms


class Palette:
    """The colours of several paintings, as mean and covariance of RGB.

    Gram matrices of VGG layers depend little on a colour that covers a small part of a painting, such as the yellow
    of a starry night. Here each painting's colours are whitened first, so that every direction in which they
    vary has the same influence.
    """

    CELL_PIXELS = 4  # averaged before they are compared, so that strokes do not count
    VARIANCE_FLOOR = 1e-3  # added to variances of values in 0..1: smaller ones are noise

    def __init__(self, paintings: list[Tensor]) -> None:
        """paintings: [1, 3, H, W] each, RGB in 0..1."""
        means, whiteners = [], []
        for painting in paintings:
            mean, covariance = self._moments(painting)
            values, vectors = torch.linalg.eigh(covariance[0])
            means.append(mean[0])
            whiteners.append(vectors @ torch.diag(values.rsqrt()) @ vectors.T)
        self.means, self.whiteners = torch.stack(means), torch.stack(whiteners)  # [S, 3], [S, 3, 3]

    def error(self, stylized: Tensor, style: Tensor) -> Tensor:
        """Return the distance from each item's painting: [N, 3, H, W], [N] int64 -> [N]; 0 is the same palette."""
        mean, covariance = self._moments(stylized)
        whitener = self.whiteners[style]
        offset = (whitener @ (mean - self.means[style])[:, :, None]).square().sum((1, 2))
        spread = whitener @ covariance @ whitener - torch.eye(3, device=stylized.device)
        return (offset + spread.square().sum((1, 2))) / 3

    def _moments(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean [N, 3] and covariance [N, 3, 3] of the colours, with the floor."""
        colours = F.avg_pool2d(image.float(), self.CELL_PIXELS).flatten(2)  # [N, 3, P]
        mean = colours.mean(2)
        colours = colours - mean[:, :, None]
        covariance = colours @ colours.transpose(1, 2) / colours.shape[2]
        return mean, covariance + self.VARIANCE_FLOOR * torch.eye(3, device=image.device)


@dataclass(frozen=True)
class Losses:
    """The terms of one batch, each [N], unweighted."""

    content: Tensor
    style: Tensor
    tone: Tensor
    palette: Tensor


class PerceptualLoss:
    """Content and style losses against a fixed set of paintings.

    vgg: has every one of `layers`, and their pooling.
    paintings: [1, 3, H, W] each, RGB in 0..1, at the scale their strokes should have.
    detail: side in pixels of a random window of each picture in which the finest level is compared; 0: all of it.
    """

    def __init__(self, vgg: Vgg, paintings: list[Tensor], layers: Layers = LOSSES["single"], detail: int = 0) -> None:
        self.vgg, self.layers, self.detail = vgg, layers, detail
        self.palette = Palette(paintings)
        self.targets: list[dict[str, Tensor]] = []  # Gram matrices [S, C, C] by layer, for each level
        for level in range(layers.levels):
            paintings = [_halve(painting) for painting in paintings] if level else paintings
            self.targets.append(self._grams(paintings, layers.style_at(level)))

    @torch.no_grad()
    def _grams(self, paintings: list[Tensor], names: tuple[str, ...]) -> dict[str, Tensor]:
        grams = [{name: gram_matrix(x) for name, x in self.vgg(painting, names).items()} for painting in paintings]
        return {name: torch.cat([gram[name] for gram in grams]) for name in names}

    @torch.no_grad()
    def content(self, photo: Tensor) -> Tensor:
        """Return the activations of the content layer: [N, 3, H, W], RGB in 0..1 -> [N, C, H', W']."""
        for _ in range(self.layers.content_level):
            photo = _halve(photo)
        features: dict[str, Tensor] = self.vgg(photo, (self.layers.content,))
        return features[self.layers.content]

    def __call__(
        self, stylized: Tensor, photo: Tensor, target: Tensor, style: Tensor, emphasis: Tensor | None = None
    ) -> Losses:
        """Score a batch.

        stylized, photo: [N, 3, H, W], RGB in 0..1; target: `content` of the photo.
        style: [N] int64, the index of each item's painting.
        emphasis: [N, 1, H', W'], the weight of each position of the content's activations; None for 1 everywhere.
        """
        layers, picture = self.layers, stylized
        content, terms = torch.zeros(len(stylized), device=stylized.device), []
        for level, targets in enumerate(self.targets):
            picture = _halve(picture) if level else picture
            names = layers.style_at(level)
            has_content = level == layers.content_level
            seen = picture if level or not self.detail else _random_window(picture, self.detail)
            features = self.vgg(seen, (*names, layers.content) if has_content else names)
            if has_content:
                content = relative_error(features[layers.content], target, emphasis)
            terms += [relative_error(gram_matrix(features[name]), targets[name][style]) for name in names]
        return Losses(
            content, torch.stack(terms).sum(0), tone_error(stylized, photo), self.palette.error(stylized, style)
        )


def _random_window(image: Tensor, side: int) -> Tensor:
    """Return a square part of a batch of images: [N, C, H, W] -> [N, C, side, side], at the same place in each."""
    top, left = (int(torch.randint(length - side + 1, ())) for length in image.shape[2:])
    return image[:, :, top : top + side, left : left + side]


def _halve(image: Tensor) -> Tensor:
    """Return means of 2x2 pixels: [N, C, H, W] -> [N, C, H // 2, W // 2]."""
    return F.avg_pool2d(image, 2)
