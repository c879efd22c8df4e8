"""The optimization of one photo at several sizes, from coarse to fine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.errors import TrainingError
from training.gatys import memory
from training.gatys.luminance import restore_colours, to_matched_grey
from training.gatys.optimize import LBFGS_HISTORY_STEPS, IterationResult, LossSettings, make_loss, noise_like, optimize
from training.images import to_image, to_tensor
from training.vgg import Vgg

DEFAULT_LONG_SIDE = 512  # pixels, at most
SMALLEST_SHORT_SIDE = 32  # pixels; VGG halves it three or four times


@dataclass(frozen=True)
class Settings:
    """How to stylize a photo.

    vgg: weights file, or None for torchvision's; pooling: "max" or "average".
    size: long side of the result, or None for the photo's own, at most DEFAULT_LONG_SIDE.
    coarsest: smallest long side of a scale; from 128 pixels strokes are bolder, but a face is not recovered.
    stroke: size of the painting, and so of its strokes, relative to the photo.
    iterations: steps at the coarsest scale; each finer one takes half as many as the one before.
    start: "photo" or "noise"; seed: of the noise.
    """

    loss: LossSettings
    network: str = "vgg16"
    vgg: Path | None = None
    pooling: str = "average"
    size: int | None = None
    coarsest: int = 192
    stroke: float = 1.0
    iterations: int = 100
    optimizer: str = "lbfgs"
    start: str = "photo"
    seed: int = 0
    keep_colors: bool = False
    device: str = "cpu"


@dataclass(frozen=True)
class Progress:
    """The progress of an optimization.

    iterations: finished ones, of `total`; height, width: of the current scale in pixels; result: of the last iteration.
    """

    iterations: int
    total: int
    height: int
    width: int
    result: IterationResult


class CoarseToFine:
    """An optimization whose result at one scale is the start of the next finer one.

    photo, painting: [H, W, 3], BGR.
    Raises TrainingError where the weights cannot be loaded or memory does not suffice.
    """

    def __init__(self, photo: NDArray[np.uint8], painting: NDArray[np.uint8], settings: Settings) -> None:
        self.photo, self.painting, self.settings = photo, painting, settings
        self.sizes = scales(photo.shape[0], photo.shape[1], settings.size, settings.coarsest)
        self.step_counts = [max(1, settings.iterations >> number) for number in range(len(self.sizes))]
        loss, finest = settings.loss, self.sizes[-1]
        painting_size, levels = self._painting_size(*finest), loss.pyramid.levels if loss.pyramid else 1
        memory.check_fits(
            finest, painting_size, settings.network, loss.layers, LBFGS_HISTORY_STEPS, settings.device, levels
        )
        # Zero padding would be visible to VGG as a border, and the optimization would draw a dark frame to hide it.
        vgg = Vgg(settings.network, loss.layers, settings.vgg, settings.pooling, margins="reflect")
        self.vgg = vgg.to(settings.device).to(memory_format=torch.channels_last)
        self._image: Tensor | None = None  # [1, 3, H, W] at the current scale

    def run(self) -> Iterator[Progress]:
        """Optimize, yielding after each step; `result` has the image so far."""
        finished, total = 0, sum(self.step_counts)
        for (height, width), count in zip(self.sizes, self.step_counts, strict=True):
            photo = _to_sized_tensor(self.photo, height, width, self.settings.device)
            painting = _to_sized_tensor(self.painting, *self._painting_size(height, width), self.settings.device)
            if self.settings.keep_colors:
                photo, painting = to_matched_grey(photo, painting)
            loss = make_loss(self.vgg, photo, painting, self.settings.loss)
            for result in optimize(loss, self._start(photo), count, self.settings.optimizer):
                self._image = result.image
                yield Progress(finished + result.number, total, height, width, result)
            finished += count

    def result(self) -> NDArray[np.uint8] | None:
        """Return the image so far in the size of the finest scale: [H, W, 3], BGR; None before the first step."""
        if self._image is None:
            return None
        height, width = self.sizes[-1]
        image = _resize(self._image, height, width)
        if self.settings.keep_colors:
            image = restore_colours(_to_sized_tensor(self.photo, height, width, self.settings.device), image)
        return to_image(image[0])

    def _start(self, photo: Tensor) -> Tensor:
        if self._image is not None:
            return _resize(self._image, photo.shape[2], photo.shape[3])
        return photo if self.settings.start == "photo" else noise_like(photo, self.settings.seed)

    def _painting_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the painting at that scale: where stroke is 1, it has the photo's area."""
        rows, columns = self.painting.shape[:2]
        factor = self.settings.stroke * (height * width / (rows * columns)) ** 0.5
        return max(SMALLEST_SHORT_SIDE, round(rows * factor)), max(SMALLEST_SHORT_SIDE, round(columns * factor))


def scales(height: int, width: int, size: int | None, coarsest: int) -> list[tuple[int, int]]:
    """Return height and width of each scale, the coarsest first, for a photo and the long side of the result.

    Raises TrainingError where the short side is too small.
    """
    long_side = size or min(DEFAULT_LONG_SIDE, max(height, width))
    factors = [long_side / max(height, width)]
    while (
        factors[-1] * max(height, width) / 2 >= coarsest and factors[-1] * min(height, width) / 2 >= SMALLEST_SHORT_SIDE
    ):
        factors.append(factors[-1] / 2)
    sizes = [(round(height * factor), round(width * factor)) for factor in reversed(factors)]
    if min(sizes[-1]) < SMALLEST_SHORT_SIDE:
        raise TrainingError(
            f"{sizes[-1][1]}x{sizes[-1][0]} is too small to paint: {SMALLEST_SHORT_SIDE} pixels a side at least"
        )
    return sizes


def _to_sized_tensor(image: NDArray[np.uint8], height: int, width: int, device: str) -> Tensor:
    """[H, W, 3] BGR of any size -> [1, 3, height, width] RGB in 0..1."""
    method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    resized = cv2.resize(image, (width, height), interpolation=method)
    return to_tensor(np.asarray(resized, np.uint8))[None].to(device)


def _resize(image: Tensor, height: int, width: int) -> Tensor:
    """[1, 3, H, W] -> [1, 3, height, width], clamped to 0..1."""
    image = image.clamp(0, 1)
    if image.shape[2:] == (height, width):
        return image
    return F.interpolate(image, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)
