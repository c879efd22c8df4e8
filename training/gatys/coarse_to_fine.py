"""One photo, one painting, one picture: the optimisation from coarse to fine."""

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
from training.gatys.luminance import greys, with_colours_of
from training.gatys.optimize import HISTORY, PairLoss, Recipe, Step, noise_like, optimise
from training.images import to_image, to_tensor
from training.vgg import Vgg

SIZE = 512  # default long side, at most
SMALLEST = 32  # short side that VGG still has something to see in


@dataclass(frozen=True)
class Settings:
    """How to make it.

    vgg: weights file, or None for torchvision's; pooling: "max" or "average".
    size: long side of the result, or None for the photo's own, at most SIZE.
    coarsest: long side that no scale goes below; from 128 pixels strokes are bolder, but a face does not come back.
    stroke: size of the painting against that of the picture, and so of its strokes.
    iterations: steps at the coarsest scale; each finer one takes half as many as the one before.
    start: "photo" or "noise"; seed: of the noise.
    """

    recipe: Recipe
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
    """Where the work stands: steps done of all, the working size, and the last step."""

    done: int
    total: int
    height: int
    width: int
    step: Step


class Still:
    """A picture in the making.

    photo, painting: [H, W, 3], BGR.
    Raises TrainingError where the weights cannot be had or the memory will not do.
    """

    def __init__(self, photo: NDArray[np.uint8], painting: NDArray[np.uint8], settings: Settings) -> None:
        self.photo, self.painting, self.settings = photo, painting, settings
        self.sizes = scales(photo.shape[0], photo.shape[1], settings.size, settings.coarsest)
        self.counts = [max(1, settings.iterations >> number) for number in range(len(self.sizes))]
        recipe, (height, width) = settings.recipe, self.sizes[-1]
        strokes = self._painting_size(height, width)
        memory.check((height, width), strokes, settings.network, recipe.layers, HISTORY, settings.device)
        # With zeros beyond its edges a picture gets a dark frame, for them to be no news.
        vgg = Vgg(settings.network, recipe.layers, settings.vgg, settings.pooling, margins="reflect")
        self.vgg = vgg.to(settings.device).to(memory_format=torch.channels_last)
        self.current: Tensor | None = None  # [1, 3, H, W] of the scale being worked at

    def paint(self) -> Iterator[Progress]:
        """Do the work, a step at a time; `picture` has the result so far."""
        done, total = 0, sum(self.counts)
        for (height, width), count in zip(self.sizes, self.counts, strict=True):
            photo = _tensor(self.photo, height, width, self.settings.device)
            painting = _tensor(self.painting, *self._painting_size(height, width), self.settings.device)
            if self.settings.keep_colors:
                photo, painting = greys(photo, painting)
            loss = PairLoss(self.vgg, photo, painting, self.settings.recipe)
            for step in optimise(loss, self._start(photo), count, self.settings.optimizer):
                self.current = step.picture
                yield Progress(done + step.number, total, height, width, step)
            done += count

    def picture(self) -> NDArray[np.uint8] | None:
        """What there is, in the size asked for: [H, W, 3], BGR; None before the first step."""
        if self.current is None:
            return None
        height, width = self.sizes[-1]
        picture = _resized(self.current, height, width)
        if self.settings.keep_colors:
            picture = with_colours_of(_tensor(self.photo, height, width, self.settings.device), picture)
        return to_image(picture[0])

    def _start(self, photo: Tensor) -> Tensor:
        if self.current is not None:
            return _resized(self.current, photo.shape[2], photo.shape[3])
        return photo if self.settings.start == "photo" else noise_like(photo, self.settings.seed)

    def _painting_size(self, height: int, width: int) -> tuple[int, int]:
        """The painting's at some scale: where stroke is 1, it has the picture's area."""
        rows, columns = self.painting.shape[:2]
        factor = self.settings.stroke * (height * width / (rows * columns)) ** 0.5
        return max(SMALLEST, round(rows * factor)), max(SMALLEST, round(columns * factor))


def scales(height: int, width: int, size: int | None, coarsest: int) -> list[tuple[int, int]]:
    """Heights and widths to work at, the coarsest first, for a photo and the long side asked for.

    Raises TrainingError where the short side is too small to work with.
    """
    longest = size or min(SIZE, max(height, width))
    factors = [longest / max(height, width)]
    while factors[-1] * max(height, width) / 2 >= coarsest and factors[-1] * min(height, width) / 2 >= SMALLEST:
        factors.append(factors[-1] / 2)
    found = [(round(height * factor), round(width * factor)) for factor in reversed(factors)]
    if min(found[-1]) < SMALLEST:
        raise TrainingError(f"{found[-1][1]}x{found[-1][0]} is too small to paint: {SMALLEST} pixels a side at least")
    return found


def _tensor(image: NDArray[np.uint8], height: int, width: int, device: str) -> Tensor:
    """[H, W, 3] BGR of any size -> [1, 3, height, width] RGB in 0..1."""
    method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    resized = cv2.resize(image, (width, height), interpolation=method)
    return to_tensor(np.asarray(resized, np.uint8))[None].to(device)


def _resized(picture: Tensor, height: int, width: int) -> Tensor:
    """[1, 3, H, W] -> [1, 3, height, width], in 0..1."""
    picture = picture.clamp(0, 1)
    if picture.shape[2:] == (height, width):
        return picture
    return F.interpolate(picture, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)
