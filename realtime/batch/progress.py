"""Progress of a long job: a bar if stderr is a terminal, else a log record every few seconds."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

LOG_SECONDS = 5.0  # between two log records

logger = logging.getLogger(__name__)


class VideoProgress:
    """Shows how many frames of one video are stylized.

    total: how many there will be. rate: the video's own frames a second. kept: how many an interrupted run had done.
    """

    def __init__(self, name: str, total: int, rate: float, kept: int = 0) -> None:
        self._name, self._total, self._rate, self._kept = name, total, rate, kept
        self._started = self._last_logged = time.perf_counter()
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(name, total=total, figures="")

    def update(self, frames: int) -> None:
        """Show that so many frames are done, the kept ones included."""
        now = time.perf_counter()
        if frames <= self._kept:
            self._started = now
        if self._bar is not None:
            self._bar.update(self._task, completed=frames, figures=self.figures(frames, now - self._started))
        elif now - self._last_logged >= LOG_SECONDS:
            self._last_logged = now
            logger.info("%s: %s", self._name, self.figures(frames, now - self._started))

    def figures(self, frames: int, seconds: float) -> str:
        """Return frames, frames a second, speed in multiples of real time, and time left. seconds: since the start."""
        fps = max(0, frames - self._kept) / max(seconds, 1e-6)
        left = max(0, self._total - frames) / max(fps, 1e-6)
        clock = f"{int(left) // 3600}:{int(left) // 60 % 60:02}:{int(left) % 60:02}"
        return f"{frames} of {self._total} frames, {fps:.1f} fps, {fps / self._rate:.2f}x real time, {clock} left"

    def __enter__(self) -> VideoProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
