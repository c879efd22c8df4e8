"""Clocks that are passed as arguments, so that tests do not have to wait for time to pass."""

from __future__ import annotations

import threading
import time
from typing import Protocol

POLL_SECONDS = 0.02


class Clock(Protocol):
    """A clock that can be read and waited on."""

    def now(self) -> float:
        """Return seconds since some fixed moment; they never decrease."""
        ...

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Wait for `seconds`, or until `stop` is set. Return whether it is set."""
        ...


class SystemClock:
    """The system's clock, `time.perf_counter()`. `time.monotonic()` advances in steps of 15.6 ms on Windows."""

    def now(self) -> float:
        """Return seconds since some fixed moment; they never decrease."""
        return time.perf_counter()

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Wait for `seconds`, or until `stop` is set. Return whether it is set."""
        if stop is not None:
            return stop.wait(max(0.0, seconds))
        time.sleep(max(0.0, seconds))
        return False


class SteppedClock:
    """A clock for tests with several threads: it stands still until `advance`, and its waiters wait for that.

    Args:
        start: its first time, in seconds.

    Example:
        >>> clock = SteppedClock()
        >>> with Live(FakeCamera(clock=clock).source(), stylizer, clock=clock) as live:
        ...     clock.advance(0.1)
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._moved = threading.Condition()

    def now(self) -> float:
        """Return the clock's time in seconds."""
        return self._now

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Wait until other threads have advanced the clock by `seconds`, or `stop` is set. Return whether it is set."""
        until = self._now + seconds
        with self._moved:
            while self._now < until and not (stop is not None and stop.is_set()):
                self._moved.wait(POLL_SECONDS)  # setting `stop` does not notify this condition, so poll
        return stop is not None and stop.is_set()

    def advance(self, seconds: float) -> None:
        """Advance the clock, and wake the threads that waited for it."""
        with self._moved:
            self._now += seconds
            self._moved.notify_all()


class FakeClock:
    """A clock for tests with one thread: it stands still until `wait`, which advances it without waiting.

    Args:
        start: its first time, in seconds.

    Attributes:
        waits: every wait that was asked for, in seconds.

    Example:
        >>> clock = FakeClock()
        >>> frame = FakeCamera(fps=10, clock=clock).source().read()
        >>> clock.waits
        [0.0]
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self.waits: list[float] = []

    def now(self) -> float:
        """Return the clock's time in seconds."""
        return self._now

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Advance the clock by `seconds`, unless `stop` is set. Return whether it is set."""
        self.waits.append(seconds)
        if stop is not None and stop.is_set():
            return True
        self.advance(max(0.0, seconds))
        return False

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self._now += seconds
