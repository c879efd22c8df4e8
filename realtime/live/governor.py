"""The control loop that holds the frame rate: it chooses the height to stylize at."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable

MIN_HEIGHT = 240  # rows; below that, strokes are larger than faces
STEP_FACTOR = 1.15  # from one height to the next
MAX_LOAD = 0.85  # share of the frame's time that stylizing may take; the rest is for display
OVERLOAD = 0.97  # share of the frame's time from which on frames are missed
MIN_SAMPLES = 3
SAMPLE_SECONDS = 0.6  # age of the samples that count; by their median, single slow frames do not
FIRST_RISE_SECONDS = 3.0  # of low load, before the first step up
RISE_SECONDS = 10.0  # the same, after a step down was needed
MAX_RISE_SECONDS = 80.0  # what this grows to if heights do not last


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
        self._samples: deque[tuple[float, float]] = deque()  # (time, cost) of the newest frames
        self._cost = 0.0  # their median: seconds of a frame over its rows squared
        self._fineness = 1.0  # rows stylized over `height`: more than 1 for fine strokes
        self._changed_at = self._loaded_at = float("-inf")  # when the height changed; when the load was last high
        self._stepped_up = False  # the last change was a step up
        self._rise_seconds = FIRST_RISE_SECONDS

    @property
    def height(self) -> int:
        """Rows to stylize at now."""
        return self._heights[self._step]

    def start(self, seconds_at: Callable[[int], float], cost: float = 0.0) -> None:
        """Find the first height by measuring.

        seconds_at: stylizes once at a height and returns the seconds taken. cost: expected seconds of a frame over
        its rows squared; 0 is unknown.
        """
        if cost:
            self._cost = cost
            self._step = self._highest_step()
        for _ in range(2):  # the second time at the height found, which checks the estimate
            step = self._step
            seconds = min(seconds_at(self.height) for _ in range(3))
            self._cost = seconds / self.height**2
            self._step = self._highest_step()
            if self._step == step:
                return

    def observe(self, seconds: float, now: float, stroke: float = 1.0) -> bool:
        """Take in how long a frame took to stylize; return whether `height` has changed.

        now: seconds of any clock. stroke: the factor that the frame was stylized with, at `height` / stroke rows.
        Larger strokes leave `height` as it is, so that each step of theirs is seen; finer ones are limited to what
        holds the frame rate.
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
            self._loaded_at = now
        if now - max(self._loaded_at, self._changed_at) < self._rise_seconds:
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
