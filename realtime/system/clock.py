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
    """The real one: `time.perf_counter()`. `time.monotonic()` moves by 15.6 ms at once on Windows."""

    def now(self) -> float:
        """Seconds from some fixed moment; never goes back."""
        return time.perf_counter()

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Let `seconds` pass, or less if `stop` is set. True if it was."""
        if stop is not None:
            return stop.wait(max(0.0, seconds))
        time.sleep(max(0.0, seconds))
        return False


class SteppedClock:
    """Stands still until `advance`: a thread that waits on it waits for that. For tests of several threads."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._moved = threading.Condition()

    def now(self) -> float:
        """Seconds from some fixed moment; never goes back."""
        return self._now

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Wait until others have let `seconds` pass, or less if `stop` is set. True if it was."""
        until = self._now + seconds
        with self._moved:
            while self._now < until and not (stop is not None and stop.is_set()):
                self._moved.wait(0.02)  # nobody tells of `stop`
        return stop is not None and stop.is_set()

    def advance(self, seconds: float) -> None:
        """Let that much time pass, and wake who has waited for it."""
        with self._moved:
            self._now += seconds
            self._moved.notify_all()


class FakeClock:
    """Stands still until somebody waits; then jumps. For tests of one thread.

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
