"""Stylizing of one live frame after the other."""

from __future__ import annotations

import time
from dataclasses import replace

from realtime.frame import Frame, Image
from realtime.live.grid import Grid
from realtime.live.motion import MotionDetector
from realtime.live.resolution import AdaptiveResolution
from realtime.live.state import StylizedFrame
from realtime.live.stats import Stats
from realtime.stylizer.look import Look
from realtime.stylizer.smoothing import TemporalSmoother
from realtime.stylizer.stylizer import Stylizer


class LiveFrameStylizer:
    """Stylizes live frames at the size that holds the frame rate; reuses the last result while nothing moves.

    size: (width, height) to stylize at with strokes of size 1. All methods are called on the stylizing thread.
    """

    def __init__(self, stylizer: Stylizer, stats: Stats, height: int | None, size: tuple[int, int]) -> None:
        """height: rows to stylize at; None chooses a height that holds the frame rate. size: until the first frame."""
        self.size = size
        self._stylizer, self._stats = stylizer, stats
        self._resolution = AdaptiveResolution(stylizer, height)
        self._motion = MotionDetector()
        self._smoother = TemporalSmoother()
        self._grid = Grid(stylizer)
        self._shape: tuple[int, ...] = ()
        self._source = ""
        self._last: StylizedFrame | None = None
        self._last_request: tuple[Look, bool] | None = None  # (look, whether as a grid)

    def choose_size(self, image: Image, source: str, look: Look, fps: float) -> None:
        """Choose the size to stylize at if the source, by its name, or the size of its frames has changed."""
        if (image.shape, source) == (self._shape, self._source):
            return
        self._stats.size_changes += bool(self._shape) and image.shape != self._shape
        self._shape, self._source = image.shape, source
        self.size = self._resolution.choose(image, look, fps)

    def stylize(self, frame: Frame, look: Look, as_grid: bool) -> StylizedFrame:
        """Return the frame stylized, or the last result if it would look the same. as_grid: in every style."""
        request = (look, as_grid)
        same = self._motion.is_still(frame.image) and request == self._last_request
        self._last_request = request
        if same and self._last is not None and (self._grid.complete or not as_grid):
            self._stats.count_reused()
            return replace(self._last, frame=frame, original=frame.image)
        self._last = self._stylize_grid(frame, look, same) if as_grid else self._stylize_one(frame, look)
        self._motion.remember()
        return self._last

    def is_outdated(self, look: Look, as_grid: bool) -> bool:
        """Whether stylizing the last frame again would give another picture."""
        return (look, as_grid) != self._last_request or (as_grid and not self._grid.complete)

    def close(self) -> None:
        """Wait for what is being prepared in the background."""
        self._resolution.close()

    def _stylize_one(self, frame: Frame, look: Look) -> StylizedFrame:
        start = time.perf_counter()
        image = self._stylizer.stylize_at(frame.image, self.size, look, self._smoother)
        end = time.perf_counter()
        self._stats.count_stylized(end - start, frame.captured)
        self.size = self._resolution.observe(frame.image, look, end - start, end) or self.size
        return StylizedFrame(frame, frame.image, image, look)

    def _stylize_grid(self, frame: Frame, look: Look, same: bool) -> StylizedFrame:
        """Stylize as many tiles as there is time for. same: the last sheet is of this picture and look."""
        if not same:
            self._grid.invalidate()
        self._smoother.reset()
        start = time.perf_counter()
        sheet = self._grid.stylize(frame.image, look)
        self._stats.count_stylized(time.perf_counter() - start, frame.captured)
        return StylizedFrame(frame, frame.image, sheet, look, self._grid.layout)
