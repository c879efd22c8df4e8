"""The perceptual losses of a stylized photo, and the iterations that Gatys' method needs to reach them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from benchmarks.quality.results import Entry
from realtime.frame import Image
from training.gatys.optimize import LossSettings, PairLoss, optimize
from training.images import resize_short_side, to_tensor
from training.loss import CONTENT_LAYER, STYLE_LAYERS, Palette, gram_matrix, relative_error, tone_error
from training.vgg import Vgg16

PAINTING_SIDE = 384  # short side of the paintings, in pixels, as in the training: it sets the size of the strokes
STYLE_WEIGHT = 2.5  # of the style loss in the total, for all paintings; they were trained with 1.6 or 2.5
SQUARE_SIDE = 256  # side of the images that Gatys' method runs on, in pixels


class LossMeter:
    """The losses of stylized photos against paintings; features that are needed again are kept.

    paintings: [H, W, 3] uint8 BGR, by style name.
    """

    def __init__(self, vgg: Path | None, paintings: dict[str, Image]) -> None:
        self.vgg = Vgg16(vgg).eval()
        self.paintings = {name: _tensor(resize_short_side(image, PAINTING_SIDE)) for name, image in paintings.items()}
        self.palette = Palette(list(self.paintings.values()))
        self._grams: dict[str, dict[str, Tensor]] = {}
        self._content: tuple[bytes, Tensor] | None = None

    @torch.no_grad()
    def score(self, stylized: Image, photo: Image, style: str) -> Entry:
        """Return the losses of one image: content and style, relative, and tone and palette as in training/loss.py.

        stylized, photo: [H, W, 3] uint8 BGR.
        """
        image, original = _tensor(stylized), _tensor(photo)
        features = self.vgg(image, STYLE_LAYERS)
        grams = self._gram(style)
        style_loss = sum(relative_error(gram_matrix(features[name]), grams[name]).item() for name in STYLE_LAYERS)
        return {
            "content": relative_error(features[CONTENT_LAYER], self._features(photo, original)).item(),
            "style": style_loss,
            "tone": tone_error(image, original).item(),
            "palette": self.palette.error(image, torch.tensor([list(self.paintings).index(style)])).item(),
        }

    def descent(self, photo: Image, style: str, iterations: int) -> Entry:
        """Run Gatys' method from the photo; return the losses of every L-BFGS iteration, the start first."""
        settings = LossSettings((CONTENT_LAYER,), STYLE_LAYERS, 1.0, STYLE_WEIGHT)
        original = _tensor(photo)
        steps = list(optimize(PairLoss(self.vgg, original, self.paintings[style], settings), original, iterations))
        return {
            "number": [step.number for step in steps],
            "content": [round(step.content, 5) for step in steps],
            "style": [round(step.style, 5) for step in steps],
        }

    def _gram(self, style: str) -> dict[str, Tensor]:
        if style not in self._grams:
            features = self.vgg(self.paintings[style], STYLE_LAYERS)
            self._grams[style] = {name: gram_matrix(x) for name, x in features.items()}
        return self._grams[style]

    def _features(self, photo: Image, tensor: Tensor) -> Tensor:
        key = photo.tobytes()
        if self._content is None or self._content[0] != key:
            self._content = key, self.vgg(tensor, (CONTENT_LAYER,))[CONTENT_LAYER]
        return self._content[1]


def iterations_to(descent: Entry, content: float, style: float) -> int | None:
    """Return the first iteration whose total loss is at most that of these losses, or None if there is none."""
    total = content + STYLE_WEIGHT * style
    for number, c, s in zip(descent["number"], descent["content"], descent["style"], strict=True):
        if c + STYLE_WEIGHT * s <= total:
            return int(number)
    return None


def _tensor(image: Image) -> Tensor:
    return to_tensor(image)[None]
