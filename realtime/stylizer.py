"""A picture and a look in, a painted picture out."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from realtime.engine import Engine
from realtime.frame import Image
from realtime.look import Look, parse_look
from realtime.styles import Library, load_library


class Stylizer:
    """Paints pictures.

        with Stylizer("starry_night") as stylizer:
            cv2.imwrite("painted.png", stylizer.paint(cv2.imread("photo.jpg")))

    style: a style's name, or a mix "NAME:2,NAME:1"; None is the first there is.
    provider: "auto", or where to run: "cpu", "cuda", ...; `provider` and `why` say what it became.
    models: a model file or a folder of them, beside the shipped ones.
    Raises UnknownStyle, ModelError or EngineError.
    """

    def __init__(
        self,
        style: str | None = None,
        *,
        strength: float = 1.0,
        provider: str = "auto",
        models: Path | str | None = None,
        library: Library | None = None,
    ) -> None:
        self.library = library or load_library(Path(models) if models is not None else None)
        self.look = parse_look(style, strength, self.library)
        # All sessions before the first frame: creating one holds Python's lock.
        self._engines = {id(model): Engine(model, provider) for model in self.library.models}

    @property
    def provider(self) -> str:
        """The execution provider that really runs."""
        return self._engine(self.look).provider

    @property
    def why(self) -> str:
        """How it came to that provider."""
        return self._engine(self.look).why

    def paint(self, image: Image, look: Look | None = None) -> Image:
        """Paint one picture of any size from 16x16 up.

        image: [H, W, 3] uint8, BGR. look: how; by default as the constructor was told.
        Returns the same shape, a new array. Raises ValueError on another shape or dtype.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 16:
            raise ValueError(f"expected [H, W, 3] uint8 of at least 16x16, got {list(image.shape)} {image.dtype}")
        look = look or self.look
        if look.strength == 0:
            return image.copy()
        multiple = look.model.multiple
        height, width = image.shape[:2]
        below, right = -height % multiple, -width % multiple
        source = np.ascontiguousarray(image)
        if below or right:
            source = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REFLECT_101)  # type: ignore[assignment]
        painted = self._engine(look).run(source, np.array(look.weights, np.float32))[:height, :width]
        if look.strength < 1:
            painted = cv2.addWeighted(painted, look.strength, image, 1 - look.strength, 0)  # type: ignore[assignment]
        return np.ascontiguousarray(painted)

    def _engine(self, look: Look) -> Engine:
        return self._engines[id(look.model)]

    def close(self) -> None:
        """Free the sessions; painting is over."""
        self._engines.clear()

    def __enter__(self) -> Stylizer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
