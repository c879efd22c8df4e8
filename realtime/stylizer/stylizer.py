"""The stylizer: a picture and a look in, a stylized picture out."""

from __future__ import annotations

import weakref
from collections import deque
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
from realtime.stylizer.look import Look, look_in, parse_look
from realtime.stylizer.sizes import MIN_SIDE, stroke_size
from realtime.stylizer.smoothing import TemporalSmoother


class Stylizer:
    """A loaded style network that stylizes pictures.

    Args:
        style: a style's name, or a mix of up to four, "NAME:2,NAME:1"; None is the first style.
        strength, keep_colors, stroke, smooth: see `Look`.
        provider: where to run: "auto", or "cpu", "cuda", "tensorrt", "coreml", "dml", "openvino".
        network: of the shipped styles: "live", or "wide", which is better and takes about four times as long.
        models: a model file or a folder of them, beside the shipped ones.
        library: the styles to choose from, in place of `network` and `models`.
        num_workers: how many threads may stylize at once. Two on CPUs and three on NVIDIA's GPUs are the fastest.

    Attributes:
        library: the styles to choose from.
        look: the look of the arguments, used where `stylize` is given none.

    Raises:
        UnknownStyle: there is no style of that name.
        UsageError: a number is out of its range, or the styles cannot be mixed.
        ModelError: a model file is missing or broken.
        EngineError: the provider is not available.

    Example:
        >>> with Stylizer("starry_night") as stylizer:
        ...     cv2.imwrite("stylized.png", stylizer.stylize(cv2.imread("photo.jpg")))
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
        self.library_version = 0  # another one says that styles have come, gone or changed
        self._engine_options = provider, num_workers
        self._engines: dict[int, Engine] = {}  # by the id of the model, as long as there is one
        self._unused: deque[Engine] = deque()  # engines whose model is gone
        self.open_models(self.library)

    def open_models(self, library: Library) -> None:
        """Open the models of a library that are not open yet. Other threads can stylize meanwhile.

        Args:
            library: the next one for `use_library`.

        Raises:
            EngineError: one of its models cannot be opened.
        """
        for model in library.models:
            if id(model) not in self._engines:
                self._engines[id(model)] = Engine(model, *self._engine_options)
                weakref.finalize(model, _drop, self._engines, self._unused, id(model)).atexit = False

    def use_library(self, library: Library) -> None:
        """Choose styles from another library. Looks with models of the old one can be used until they are gone.

        Args:
            library: the styles to choose from.

        Raises:
            EngineError: one of its models cannot be opened.
        """
        self.open_models(library)
        self.library, self.look = library, look_in(library, self.look)
        self.library_version += 1

    def close_unused(self) -> None:
        """Free the sessions of models that no library and no look has any more."""
        while self._unused:
            self._unused.popleft().close()

    @property
    def provider(self) -> str:
        """The execution provider in use."""
        return self._engine(self.look).provider

    @property
    def provider_reason(self) -> str:
        """Why that provider is in use."""
        return self._engine(self.look).provider_reason

    @property
    def num_workers(self) -> int:
        """How many threads can stylize at once; others wait."""
        return self._engine(self.look).num_workers

    def stylize(self, image: Image, look: Look | None = None, smoother: TemporalSmoother | None = None) -> Image:
        """Return the picture stylized, as a new array.

        Args:
            image: [H, W, 3] uint8 BGR, of 16x16 at least.
            look: how to stylize; None is the look of the constructor's arguments.
            smoother: the smoother of the stream whose next picture this is. `Look.smooth` has no effect without it.

        Returns:
            [H, W, 3] uint8 BGR.

        Raises:
            ValueError: the image has another shape or dtype.
            EngineError: the network failed.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < MIN_SIDE:
            raise ValueError(f"expected [H, W, 3] uint8 of at least 16x16, got {list(image.shape)} {image.dtype}")
        size = (image.shape[1], image.shape[0])
        stylized = self.stylize_at(image, size, look, smoother)
        if stylized is image:
            return image.copy()
        return resize(stylized, size)

    def stylize_at(
        self, image: Image, size: tuple[int, int], look: Look | None = None, smoother: TemporalSmoother | None = None
    ) -> Image:
        """Return the picture stylized at `size`, without enlarging it afterwards.

        Args:
            image: [H, W, 3] uint8 BGR, not checked.
            size: (width, height), 16 at least, at which strokes of 1 are stylized.
            look: as for `stylize`.
            smoother: as for `stylize`.

        Returns:
            [h, w, 3] uint8 BGR, of the size stylized at, or of the image's where the look blends it with the image.
            At strength 0 it is the image itself.

        Raises:
            EngineError: the network failed.
        """
        look = look or self.look
        if look.strength == 0:
            return image
        picture = resize(image, stroke_size(size, look.stroke, look.model.multiple))
        stylized = self._run(picture, look)
        if smoother is not None and look.smooth:
            stylized = smoother.apply(picture, stylized, look)
        if look.previous is not None:
            multiple = look.previous.model.multiple
            previous = self._run(resize(image, stroke_size(size, look.previous.stroke, multiple)), look.previous)
            larger = max(previous.shape[1::-1], stylized.shape[1::-1])
            stylized = blend(resize(previous, larger), resize(stylized, larger), look.progress)
        return blend_look(stylized, image, look)

    def pixel_seconds(self, look: Look) -> float:
        """Return the seconds per pixel measured when backends were compared, or 0 where there was only one."""
        return self._engine(look).seconds / (autotune.TRIAL_SIZE[0] * autotune.TRIAL_SIZE[1])

    def prepare(self, size: tuple[int, int], look: Look) -> None:
        """Prepare the engine for `stylize_at` that size. Other threads can stylize meanwhile. Raises EngineError."""
        multiple = look.model.multiple
        width, height = (side + -side % multiple for side in stroke_size(size, look.stroke, multiple))
        self._engine(look).prepare((height, width, 3))

    def _run(self, picture: Image, look: Look) -> Image:
        """Return what the network makes of a picture [H, W, 3], padded to its multiple; the shape is the same."""
        multiple = look.model.multiple
        height, width = picture.shape[:2]
        below, right = -height % multiple, -width % multiple
        source = np.ascontiguousarray(picture)
        if below or right:
            source = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT_101)  # type: ignore[assignment]
        stylized = self._engine(look).run(source, np.array(look.weights, np.float32))[:height, :width]
        return np.ascontiguousarray(stylized)

    def _engine(self, look: Look) -> Engine:
        return self._engines[id(look.model)]

    def close(self) -> None:
        """Free the sessions. The stylizer cannot be used afterwards."""
        self._engines.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _drop(engines: dict[int, Engine], unused: deque[Engine], model_id: int) -> None:
    """Move the engine of a model that is gone to those to close; that must not happen within any thread's run."""
    if (engine := engines.pop(model_id, None)) is not None:
        unused.append(engine)
