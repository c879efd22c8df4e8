"""The progress bar of a run that writes files, for a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from realtime.batch.progress import VideoProgress
from realtime.errors import printable


class ProgressBar(VideoProgress):
    """Shows the progress of one video as a bar on stderr, which disappears at the end."""

    def __init__(self, name: str, total: int, rate: float, kept: int = 0) -> None:
        super().__init__(name, total, rate, kept)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[figures]}"))
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(printable(name), total=total, figures="")

    def show(self, frames: int, figures: str) -> None:
        """Draw the bar."""
        self._bar.update(self._task, completed=frames, figures=figures)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
