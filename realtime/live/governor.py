"""The control loop that holds the frame rate: it chooses the height to stylize at."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable

MIN_HEIGHT = 240  # rows; below that, strokes are larger than faces
STEP_FACTOR = 1.15  # ratio of one height to the one below it
MAX_LOAD = 0.85  # share of the frame's time that stylizing may take; the rest is for display
OVERLOAD = 0.97  # share of the frame's time above which frames are missed
MIN_SAMPLES = 3
SAMPLE_SECONDS = 0.6  # older samples do not count; the median ignores single slow frames
FIRST_RISE_SECONDS = 3.0  # how long the load must be low before the first step up
RISE_SECONDS = 10.0  # how long it must be low after a step down
MAX_RISE_SECONDS = 80.0  # limit to which that time grows while steps up do not last


class Governor:
    """Holds a frame rate by stepping the number of rows stylized up and down.

    It steps down within a second when stylizing takes too long. It steps up only after the load has been low enough
    for a larger height for a while, and waits longer each time that a step up did not last.
    """

    def __init__(self, frame_height: int, fps: float) -> None:
        """frame_height: rows of the source, the largest height; fps: the rate to hold."""
        self.fps = fps
        self._heights = _heights_up_to(frame_height)
        self._step = 0  # index of the height in use
        self._samples: deque[tuple[float, float]] = deque()  # (time in seconds, seconds / rows²) of the newest frames
        self._cost = 0.0  # median cost of the samples: seconds / rows²
        self._fineness = 1.0  # rows stylized / `height`: more than 1 for fine strokes
        self._changed_at = float("-inf")  # when the height changed last
        self._last_high_load_at = float("-inf")  # when the load was last too high for a step up
        self._stepped_up = False  # whether the last change was a step up
        self._rise_seconds = FIRST_RISE_SECONDS

    @property
    def height(self) -> int:
        """Rows to stylize at now."""
        return self._heights[self._step]

    def start(self, seconds_at: Callable[[int], float], cost: float = 0.0) -> None:
        """Find the first height by measuring.

        seconds_at: stylizes once at a height and returns the seconds taken. cost: expected seconds / rows² of a frame;
        0 is unknown.
        """
        if cost:
            self._cost = cost
            self._step = self._highest_step()
        for _ in range(2):  # the second round measures at the height found in the first, which checks the estimate
            step = self._step
            seconds = min(seconds_at(self.height) for _ in range(3))
            self._cost = seconds / self.height**2
            self._step = self._highest_step()
            if self._step == step:
                return

    def observe(self, seconds: float, now: float, stroke: float = 1.0) -> bool:
        """Take in how long a frame took to stylize; return whether `height` has changed.

        now: seconds of any clock. stroke: the size of the frame's strokes; it was stylized at `height` / stroke rows.
        Larger strokes do not raise `height`, because that would make them smaller again; finer strokes lower it if the
        frame rate would not hold otherwise.
        """
        self._samples.append((now, seconds * (stroke / self.height) ** 2))
        self._fineness = max(1.0, 1 / stroke)
        while len(self._samples) > MIN_SAMPLES and self._samples[0][0] < now - SAMPLE_SECONDS:
            self._samples.popleft()
        self._cost = statistics.median(cost for _, cost in self._samples)
        if self._changed_at == float("-inf"):
            self._changed_at = now
        if self._seconds_at(self._step) > OVERLOAD / self.fps:
            return self._step_down(now)
        at_top = self._step == len(self._heights) - 1
        if at_top or self._seconds_at(self._step + 1) > MAX_LOAD / self.fps:
            self._last_high_load_at = now
        if now - max(self._last_high_load_at, self._changed_at) < self._rise_seconds:
            return False
        self._step = self._highest_step()
        self._changed_at, self._stepped_up = now, True
        return True

    def _step_down(self, now: float) -> bool:
        if self._step == 0 or len(self._samples) < MIN_SAMPLES:
            return False
        if now - self._changed_at > 3 * self._rise_seconds:
            self._rise_seconds = RISE_SECONDS
        elif self._stepped_up:  # the step up did not last
            self._rise_seconds = min(2 * self._rise_seconds, MAX_RISE_SECONDS)
        self._rise_seconds = max(RISE_SECONDS, self._rise_seconds)
        self._step = min(self._highest_step(), self._step - 1)
        self._changed_at, self._stepped_up = now, False
        return True

    def _highest_step(self) -> int:
        """Return the index of the largest height that holds the rate."""
        fitting = [n for n in range(len(self._heights)) if self._seconds_at(n) <= MAX_LOAD / self.fps]
        return fitting[-1] if fitting else 0

    def _seconds_at(self, step: int) -> float:
        return self._cost * (self._fineness * self._heights[step]) ** 2


def _heights_up_to(top: int) -> list[int]:
    """Return heights from MIN_HEIGHT to `top`, each about STEP_FACTOR times the one before."""
    if top <= MIN_HEIGHT:
        return [top]
    steps = max(1, round(math.log(top / MIN_HEIGHT) / math.log(STEP_FACTOR)))
    return [round(MIN_HEIGHT * (top / MIN_HEIGHT) ** (n / steps)) for n in range(steps + 1)]
