"""Progress of a long job, logged every few seconds."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Self

LOG_SECONDS = 5.0  # between two log records

logger = logging.getLogger(__name__)


class VideoProgress:
    """Logs how many frames of one video are stylized.

    total: how many there will be. rate: the video's own frames a second. kept: how many an interrupted run had done.
    """

    def __init__(self, name: str, total: int, rate: float, kept: int = 0) -> None:
        self.name, self.total = name, total
        self._rate, self._kept = rate, kept
        self._started = self._last_logged = time.perf_counter()

    def update(self, frames: int) -> None:
        """Take in that so many frames are done, the kept ones included."""
        now = time.perf_counter()
        if frames <= self._kept:
            self._started = now
        self.show(frames, self.figures(frames, now - self._started))

    def show(self, frames: int, figures: str) -> None:
        """Log the figures, unless they were logged a moment ago."""
        now = time.perf_counter()
        if now - self._last_logged >= LOG_SECONDS:
            self._last_logged = now
            logger.info("%s: %s", self.name, figures)

    def figures(self, frames: int, seconds: float) -> str:
        """Return frames, frames a second, speed in multiples of real time, and time left. seconds: since the start."""
        fps = max(0, frames - self._kept) / max(seconds, 1e-6)
        left = max(0, self.total - frames) / max(fps, 1e-6)
        clock = f"{int(left) // 3600}:{int(left) // 60 % 60:02}:{int(left) % 60:02}"
        return f"{frames} of {self.total} frames, {fps:.1f} fps, {fps / self._rate:.2f}x real time, {clock} left"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing progress."""
