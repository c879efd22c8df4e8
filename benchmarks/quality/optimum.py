"""The pixels themselves optimized against the loss that networks are trained on: no network can do better by it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import cv2
from torch import Tensor

from benchmarks.quality.pictures import load_vgg, resize_painting
from benchmarks.quality.stylizers import BenchmarkStylizer
from realtime.frame import Image
from training.config import Config
from training.gatys.optimize import LossSettings, PyramidLoss, optimize
from training.images import read_image, to_image, to_tensor
from training.loss import LOSSES
from training.vgg import Vgg

LAYERS = LOSSES["pyramid"]


class Optimum(BenchmarkStylizer):
    """Optimized pictures, which are kept in a folder because each takes minutes.

    vgg: weights file, or None for torchvision's. paintings: [H, W, 3] uint8 BGR, by style name.
    config: the training run whose weights the loss has, without that of steadiness. iterations: of L-BFGS.
    """

    def __init__(
        self, vgg: Path | None, paintings: Mapping[str, Image], config: Config, iterations: int, folder: Path
    ) -> None:
        self._weights_file, self.paintings, self.iterations, self.folder = vgg, paintings, iterations, folder
        self._schedule = config.schedule
        self._weights = {painting.name: painting for painting in config.paintings}
        self.name, self.styles = "optimum of the loss", [style for style in paintings if style in self._weights]
        settings = LAYERS, self._weights, self._schedule.tone, self._schedule.palette, iterations
        self.digest = "optimum-" + hashlib.sha256(repr(settings).encode()).hexdigest()[:8]

    def stylize(self, image: Image, style: str) -> Image:
        """Return the optimum for a photo: from the folder, or else computed, beginning with the photo, and kept."""
        digest = hashlib.sha256(image.tobytes()).hexdigest()[:8]
        path = self.folder / f"{style}-{digest}-{self.digest}.png"
        if path.exists():
            return read_image(path)
        photo = to_tensor(image)[None]
        steps = optimize(self._loss(photo, style), photo, self.iterations)
        optimized = to_image(min(steps, key=lambda step: step.total).image[0])
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", optimized)[1].tobytes())
        return optimized

    @cached_property
    def _vgg(self) -> Vgg:
        return load_vgg(LAYERS.all, self._weights_file, LAYERS.pooling)

    def _loss(self, photo: Tensor, style: str) -> PyramidLoss:
        """Return the loss against one photo, [1, 3, H, W], and one painting."""
        weights = self._weights[style]
        settings = LossSettings(
            content_weight=weights.content_weight,
            style_weight=weights.style_weight,
            tone_weight=self._schedule.tone,
            palette_weight=self._schedule.palette,
            pyramid=LAYERS,
        )
        return PyramidLoss(self._vgg, photo, resize_painting(self.paintings[style]), settings)
