"""Measurement of frame rates."""

from __future__ import annotations

from collections import deque


class FrameRate:
    """Measures frames a second over the last 30 frames.

    The first second is left out, because frames that queued while the source was opened arrive in a burst.

    Args:
        opened: when the source was opened, in seconds of the clock that `tick` uses.
    """

    WARM_UP_SECONDS = 1.0
    MIN_FRAMES = 10
    MAX_FRAMES = 30

    def __init__(self, opened: float) -> None:
        self._opened = opened
        self._times: deque[float] = deque(maxlen=self.MAX_FRAMES)

    def tick(self, now: float) -> None:
        """Count a frame that arrived at `now`, in seconds."""
        if now - self._opened >= self.WARM_UP_SECONDS:
            self._times.append(now)

    def value(self, default: float) -> float:
        """Return frames a second to a tenth, or `default` while there are fewer than 10 frames."""
        if len(self._times) < self.MIN_FRAMES or self._times[-1] <= self._times[0]:
            return default
        return round((len(self._times) - 1) / (self._times[-1] - self._times[0]), 1)
