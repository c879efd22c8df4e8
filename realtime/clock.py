"""Time as an argument, so that nothing in a test has to wait for it."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What passes time."""

    def now(self) -> float:
        """Seconds from some fixed moment; never goes back."""
        ...

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Let `seconds` pass, or less if `stop` is set. True if it was."""
        ...


class SystemClock:
    """The real one: `time.monotonic()`."""

    def now(self) -> float:
        """Seconds from some fixed moment; never goes back."""
        return time.monotonic()

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Let `seconds` pass, or less if `stop` is set. True if it was."""
        if stop is not None:
            return stop.wait(max(0.0, seconds))
        time.sleep(max(0.0, seconds))
        return False


class FakeClock:
    """Stands still until somebody waits; then jumps. For tests.

    waits: every pause that was asked for, in seconds.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self.waits: list[float] = []

    def now(self) -> float:
        """Seconds from some fixed moment; never goes back."""
        return self._now

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Jump `seconds` ahead, unless `stop` is set. True if it was."""
        self.waits.append(seconds)
        if stop is not None and stop.is_set():
            return True
        self.advance(max(0.0, seconds))
        return False

    def advance(self, seconds: float) -> None:
        """Jump ahead."""
        self._now += seconds
