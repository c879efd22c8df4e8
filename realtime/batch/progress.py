"""How far the work is: a bar on a terminal, a plain line every few seconds elsewhere. All on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from realtime.system.console import say

EVERY = 5.0  # s between two plain lines


class VideoProgress:
    """Counts painted pictures of one film. total: how many there will be; rate: the film's own frames a second.

    done: so many were there before.
    """

    def __init__(self, name: str, total: int, rate: float, done: int = 0) -> None:
        self._name, self._total, self._rate, self._done = name, total, rate, done
        self._began = self._told = time.perf_counter()
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(name, total=total, figures="")

    def shown(self, frames: int) -> None:
        """So many are painted."""
        now = time.perf_counter()
        if frames <= self._done:
            self._began = now
        if self._bar is not None:
            self._bar.update(self._task, completed=frames, figures=self.figures(frames, now - self._began))
        elif now - self._told >= EVERY:
            self._told = now
            say(f"{self._name}: {self.figures(frames, now - self._began)}")

    def figures(self, frames: int, seconds: float) -> str:
        """Frames, frames a second, times real time, time left."""
        fps = max(0, frames - self._done) / max(seconds, 1e-6)
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
