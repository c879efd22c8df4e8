"""The clock by which a film that arrives faster than it plays is shown."""

from __future__ import annotations

from realtime.system.clock import Clock

MAX_GAP_SECONDS = 10.0  # a larger step in the times of a film is a new recording joined on
MAX_LAG_SECONDS = 1.0  # a film that is later than this goes on from there


class PlaybackClock:
    """The clock of a film: when each of its pictures is due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset: float | None = None  # clock time of the film's second 0
        self._last = 0.0  # time of the last picture in the film, in seconds
        self._paused_at = clock.now()

    def resume(self) -> None:
        """Leave out the time since the last picture was returned."""
        if self._offset is not None:
            self._offset += max(0.0, self._clock.now() - self._paused_at)

    def wait(self, seconds: float | None) -> None:
        """Wait until the picture of that time is due."""
        now = self._clock.now()
        seconds = self._last if seconds is None else seconds
        is_joined = not 0 <= seconds - self._last <= MAX_GAP_SECONDS
        if self._offset is None or is_joined or now - self._offset - seconds > MAX_LAG_SECONDS:
            self._offset = now - seconds
        self._last = seconds
        self._clock.wait(max(0.0, self._offset + seconds - now))
        self._paused_at = self._clock.now()
