"""Which size to paint at, so that the frame rate holds."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable

SMALLEST = 240  # rows: below that the strokes are larger than the faces
STEP = 1.15  # from one height to the next
SHARE = 0.85  # of the frame's time that painting may take; the rest is the display's
SLOW = 0.97  # of it: from there on frames are missed
FEWEST = 3  # painting times that count at least
REACTION = 0.6  # seconds of painting times that count; their median, so that single slow pictures do not
FIRST_PATIENCE = 3.0  # seconds of quick painting before a larger size is tried
PATIENCE = 10.0  # the same after a smaller one was needed
LONGEST = 80.0  # seconds that this may grow to, where the larger size does not last


class Governor:
    """Holds a frame rate by the number of rows painted, which it moves up and down a ladder.

    It goes down within a second when painting takes too long, and up only after painting has been quick enough for
    a higher rung for a while: longer and longer, where going up did not last.
    """

    def __init__(self, frame_height: int, fps: float) -> None:
        """frame_height: of the source, the top of the ladder; fps: the rate to hold."""
        self.fps = fps
        self._ladder = _ladder(frame_height)
        self._rung = 0
        self._costs: deque[tuple[float, float]] = deque()  # (when, seconds for one row squared) of late
        self._cost = 0.0  # their median
        self._fineness = 1.0  # rows painted over `height`, where these are more
        self._changed = self._tight = float("-inf")  # when: moved, too slow to go up
        self._climbed = False  # the last move was up
        self._patience = FIRST_PATIENCE

    @property
    def height(self) -> int:
        """Rows to paint now."""
        return self._ladder[self._rung]

    def start(self, seconds_at: Callable[[int], float], cost: float = 0.0) -> None:
        """Find the first height by trying.

        seconds_at: paints once at that height and says how long it took. cost: what one row squared is expected to
        take, in seconds; 0 is not known.
        """
        if cost:
            self._cost = cost
            self._rung = self._highest()
        for _ in range(2):  # the second time at the height found, where the guess is tried out
            rung = self._rung
            seconds = min(seconds_at(self.height) for _ in range(3))
            self._cost = seconds / self.height**2
            self._rung = self._highest()
            if self._rung == rung:
                return

    def observe(self, seconds: float, now: float, stroke: float = 1.0) -> bool:
        """A picture took that long. True if `height` has changed. now: seconds, of any clock.

        stroke: the factor it was painted with, at `height` / stroke rows. Larger strokes leave `height` where it is, so
        that each step of theirs is seen; finer ones are had as far as the frame rate holds.
        """
        self._costs.append((now, seconds * (stroke / self.height) ** 2))
        self._fineness = max(1.0, 1 / stroke)
        while len(self._costs) > FEWEST and self._costs[0][0] < now - REACTION:
            self._costs.popleft()
        self._cost = statistics.median(cost for _, cost in self._costs)
        if self._changed == float("-inf"):
            self._changed = now
        if self._seconds(self._rung) > SLOW / self.fps:
            return self._go_down(now)
        top = self._rung == len(self._ladder) - 1
        if top or self._seconds(self._rung + 1) > SHARE / self.fps:
            self._tight = now
        if now - max(self._tight, self._changed) < self._patience:
            return False
        self._rung = self._highest()
        self._changed, self._climbed = now, True
        return True

    def _go_down(self, now: float) -> bool:
        if self._rung == 0 or len(self._costs) < FEWEST:
            return False
        if now - self._changed > 3 * self._patience:
            self._patience = PATIENCE
        elif self._climbed:  # going up did not last
            self._patience = min(2 * self._patience, LONGEST)
        self._patience = max(PATIENCE, self._patience)
        self._rung = min(self._highest(), self._rung - 1)
        self._changed, self._climbed = now, False
        return True

    def _highest(self) -> int:
        """The highest rung that can be painted in time."""
        fitting = [n for n in range(len(self._ladder)) if self._seconds(n) <= SHARE / self.fps]
        return fitting[-1] if fitting else 0

    def _seconds(self, rung: int) -> float:
        return self._cost * (self._fineness * self._ladder[rung]) ** 2


def _ladder(top: int) -> list[int]:
    """Heights from SMALLEST to `top`, each about STEP times the one before."""
    if top <= SMALLEST:
        return [top]
    steps = max(1, round(math.log(top / SMALLEST) / math.log(STEP)))
    return [round(SMALLEST * (top / SMALLEST) ** (n / steps)) for n in range(steps + 1)]
