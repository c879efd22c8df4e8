"""What a stylized photo has of its painting and of its photo, by VGG's features."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.quality.results import Entry
from realtime.frame import Image
from training.errors import TrainingError
from training.images import resize_short_side, to_tensor
from training.loss import Layers, PerceptualLoss, gram_matrix, relative_error, tone_error
from training.precision import fastest_dtype
from training.vgg import Vgg

LAYERS = Layers(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), "relu3_1", levels=4, content_level=1, pooling="average")
UNTRAINED_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")  # of a VGG with max pooling: no term of the loss
DEEPEST_UNTRAINED_LAYER = "relu5_1"  # used too where the weights have it
MAX_PAINTING_SIDE = 608  # short side, in pixels; smaller paintings are compared at their own size

Grams = Mapping[str, Tensor]  # [1, C, C] by layer


class PictureMeter:
    """The measure of stylized photos.

    vgg: weights file, or None for torchvision's. paintings: [H, W, 3] uint8 BGR, by style name; a picture is compared
    with all of them. styles: those that pictures are stylized in.
    Raises TrainingError where the weights cannot be loaded.
    """

    def __init__(self, vgg: Path | None, paintings: Mapping[str, Image], styles: list[str]) -> None:
        self.vgg, self._untrained_vgg = load_vgg(LAYERS.all, vgg, LAYERS.pooling), _load_untrained(vgg)
        self._untrained_layers = tuple(
            name for name in (*UNTRAINED_LAYERS, DEEPEST_UNTRAINED_LAYER) if name in self._untrained_vgg.convs
        )
        sized = {name: resize_painting(image) for name, image in paintings.items()}
        self.styles = styles
        self.loss = PerceptualLoss(self.vgg, [sized[style] for style in styles], LAYERS)
        self._untrained_grams = {name: self._untrained(painting) for name, painting in sized.items()}
        self._content: tuple[bytes, Tensor] | None = None  # of the last photo

    @torch.no_grad()
    def measure(self, stylized: Image, photo: Image, style: str) -> Entry:
        """Return what the picture has of both.

        stylized, photo: [H, W, 3] uint8 BGR.
        style: relative error of the Gram matrices, mean of the layers, for each level, the finest first.
        content: relative error of the content layer. tone, palette: as in training/loss.py.
        nearest: the painting whose Gram matrices, of layers that were not trained on, are the nearest.
        """
        image, row = to_tensor(stylized)[None], self.styles.index(style)
        picture, style_errors, content = image, [], 0.0
        for level, targets in enumerate(self.loss.targets):
            picture = F.avg_pool2d(picture, 2) if level else picture
            features = self.vgg(picture, LAYERS.style)
            grams = {name: gram_matrix(x) for name, x in features.items()}
            style_errors.append(_mean_error(grams, {name: rows[row : row + 1] for name, rows in targets.items()}))
            if level == LAYERS.content_level:
                content = relative_error(features[LAYERS.content], self._content_of(photo)).item()
        untrained = self._untrained(image)
        distances = {name: _mean_error(untrained, grams) for name, grams in self._untrained_grams.items()}
        return {
            "style": [round(error, 5) for error in style_errors],
            "content": round(content, 5),
            "tone": tone_error(image, to_tensor(photo)[None]).item(),
            "palette": self.loss.palette.error(image, torch.tensor([row])).item(),
            "nearest": min(distances, key=lambda name: distances[name]),
        }

    @torch.no_grad()
    def _untrained(self, image: Tensor) -> Grams:
        features = self._untrained_vgg(image, self._untrained_layers)
        return {name: gram_matrix(x) for name, x in features.items()}

    def _content_of(self, photo: Image) -> Tensor:
        key = photo.tobytes()
        if self._content is None or self._content[0] != key:
            self._content = key, self.loss.content(to_tensor(photo)[None])
        return self._content[1]


def resize_painting(painting: Image) -> Tensor:
    """Return a painting at the size it is compared at: [1, 3, H, W], RGB in 0..1."""
    return to_tensor(resize_short_side(painting, min(MAX_PAINTING_SIDE, *painting.shape[:2])))[None]


def _mean_error(grams: Grams, targets: Grams) -> float:
    return statistics.fmean(relative_error(grams[name], target).item() for name, target in targets.items())


def load_vgg(layers: tuple[str, ...], weights: Path | None, pooling: str = "max") -> Vgg:
    """Return VGG-16 in the dtype that the CPU computes the fastest. Raises TrainingError as Vgg does."""
    vgg = Vgg("vgg16", layers, weights, pooling)
    vgg.convs.to(fastest_dtype("cpu"))
    return vgg.to(memory_format=torch.channels_last)


def _load_untrained(weights: Path | None) -> Vgg:
    """Return the layers that were not trained on, without the deepest where the weights end before it."""
    try:
        return load_vgg((*UNTRAINED_LAYERS, DEEPEST_UNTRAINED_LAYER), weights)
    except TrainingError:
        return load_vgg(UNTRAINED_LAYERS, weights)
