"""The measured rate of frames."""

from __future__ import annotations

from collections import deque


class FrameRate:
    """Measures frames a second over the last 30.

    The first second is left out: what piled up while opening comes in a burst.
    """

    WARM_UP = 1.0  # s
    ENOUGH = 10  # frames

    def __init__(self, opened: float) -> None:
        self._opened = opened
        self._times: deque[float] = deque(maxlen=30)

    def tick(self, now: float) -> None:
        """A frame has come."""
        if now - self._opened >= self.WARM_UP:
            self._times.append(now)

    def value(self, otherwise: float) -> float:
        """To a tenth; `otherwise` while there are too few frames to tell."""
        if len(self._times) < self.ENOUGH or self._times[-1] <= self._times[0]:
            return otherwise
        return round((len(self._times) - 1) / (self._times[-1] - self._times[0]), 1)
