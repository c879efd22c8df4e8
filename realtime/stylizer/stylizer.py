"""A picture and a look in, a painted picture out."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from realtime.frame import Image
from realtime.imaging import resize
from realtime.inference import autotune
from realtime.inference.engine import Engine
from realtime.stylizer.blending import blend, blend_look
from realtime.stylizer.library import NETWORKS, Library, load_library
from realtime.stylizer.look import Look, parse_look
from realtime.stylizer.sizes import MIN_SIDE, stroke_size
from realtime.stylizer.smoothing import TemporalSmoother


class Stylizer:
    """Paints pictures.

        with Stylizer("starry_night") as stylizer:
            cv2.imwrite("painted.png", stylizer.stylize(cv2.imread("photo.jpg")))

    style: a style's name, or a mix of up to four, "NAME:2,NAME:1"; None is the first there is.
    strength, keep_colors, stroke, smooth: see `Look`; `look` has them all.
    provider: "auto", or where to run: "cpu", "cuda", ...; `provider` and `provider_reason` say what it became.
    network: of the shipped styles, "live" or "wide", which is better and takes about four times as long.
    models: a model file or a folder of them, beside the shipped ones.
    num_workers: threads that may paint at once, at most: two on processors, three on NVIDIA's GPUs are the fastest.
    Raises UnknownStyle, UsageError, ModelError or EngineError.
    """

    def __init__(
        self,
        style: str | None = None,
        *,
        strength: float = 1.0,
        keep_colors: float = 0.0,
        stroke: float = 1.0,
        smooth: float = 0.0,
        provider: str = "auto",
        network: str = NETWORKS[0],
        models: Path | str | None = None,
        library: Library | None = None,
        num_workers: int = 1,
    ) -> None:
        self.library = library or load_library(Path(models) if models is not None else None, network)
        self.look = parse_look(
            style, self.library, strength=strength, keep_colors=keep_colors, stroke=stroke, smooth=smooth
        )
        # All sessions before the first frame: creating one holds Python's lock.
        self._engines = {id(model): Engine(model, provider, num_workers) for model in self.library.models}

    @property
    def provider(self) -> str:
        """The execution provider that really runs."""
        return self._engine(self.look).provider

    @property
    def provider_reason(self) -> str:
        """How it came to that provider."""
        return self._engine(self.look).provider_reason

    @property
    def num_workers(self) -> int:
        """How many threads paint at once; further ones wait."""
        return self._engine(self.look).num_workers

    def stylize(self, image: Image, look: Look | None = None, steady: TemporalSmoother | None = None) -> Image:
        """Paint one picture of any size from 16x16 up.

        image: [H, W, 3] uint8, BGR. look: how; by default as the constructor was told.
        steady: of the stream whose next picture this is, for `Look.smooth`; without it nothing is smoothed.
        Returns the same shape, a new array. Raises ValueError on another shape or dtype.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < MIN_SIDE:
            raise ValueError(f"expected [H, W, 3] uint8 of at least 16x16, got {list(image.shape)} {image.dtype}")
        size = (image.shape[1], image.shape[0])
        painted = self.stylize_at(image, size, look, steady)
        if painted is image:
            return image.copy()
        return resize(painted, size)

    def stylize_at(
        self, image: Image, size: tuple[int, int], look: Look | None = None, steady: TemporalSmoother | None = None
    ) -> Image:
        """Paint at a size of its own, as the rest of the line does: `paint` without the last enlargement.

        size: (width, height), 16 at least, that strokes of 1 are painted at. Returns [h, w, 3] uint8: of the size
        painted at, or of the image's where the look has some of the image in it; the image itself at strength 0.
        """
        look = look or self.look
        if look.strength == 0:
            return image
        picture = resize(image, stroke_size(size, look.stroke, look.model.multiple))
        painted = self._run(picture, look)
        if steady is not None and look.smooth:
            painted = steady.apply(picture, painted, look)
        if look.before is not None:
            before = resize(image, stroke_size(size, look.before.stroke, look.before.model.multiple))
            larger = max(before.shape[1::-1], painted.shape[1::-1])
            painted = blend(resize(self._run(before, look.before), larger), resize(painted, larger), look.share)
        return blend_look(painted, image, look)

    def pixel_seconds(self, look: Look) -> float:
        """What a pixel took when engines were tried, and 0 where none were: a measure for other sizes."""
        return self._engine(look).seconds / (autotune.TRIAL_SIZE[0] * autotune.TRIAL_SIZE[1])

    def prepare(self, size: tuple[int, int], look: Look) -> None:
        """Make ready to `paint_at` that size, where that takes time; other threads may paint meanwhile."""
        multiple = look.model.multiple
        width, height = (side + -side % multiple for side in stroke_size(size, look.stroke, multiple))
        self._engine(look).prepare((height, width, 3))

    def _run(self, picture: Image, look: Look) -> Image:
        """The network alone. picture: [H, W, 3]; returns the same shape."""
        multiple = look.model.multiple
        height, width = picture.shape[:2]
        below, right = -height % multiple, -width % multiple
        source = np.ascontiguousarray(picture)
        if below or right:
            source = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT_101)  # type: ignore[assignment]
        painted = self._engine(look).run(source, np.array(look.weights, np.float32))[:height, :width]
        return np.ascontiguousarray(painted)

    def _engine(self, look: Look) -> Engine:
        return self._engines[id(look.model)]

    def close(self) -> None:
        """Free the sessions; painting is over."""
        self._engines.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
