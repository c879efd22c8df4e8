"""A source that comes back by itself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, Self

from realtime.errors import SignalLost, SourceError
from realtime.frame import Frame
from realtime.sources.base import Source
from realtime.system.clock import Clock, SystemClock

PATIENCE = 0.1  # s; in a pause, between two looks at whether another source is wanted


class _Called(threading.Event):
    """Is set as long as that function says so."""

    def __init__(self, called: Callable[[], bool]) -> None:
        super().__init__()
        self._is_called = called

    def is_set(self) -> bool:
        """Whether it says so now."""
        return self._is_called()

    def wait(self, timeout: float | None = None) -> bool:
        """Until it does, or for that many seconds."""
        end = time.perf_counter() + (threading.TIMEOUT_MAX if timeout is None else timeout)
        while not self.is_set() and (left := end - time.perf_counter()) > 0:
            time.sleep(min(PATIENCE, left))
        return self.is_set()


def pause(attempt: int) -> float:
    """Seconds to wait before the attempt (0, 1, ...): 1 s five times, 5 s five times, then 10 s."""
    return 1.0 if attempt < 5 else 5.0 if attempt < 10 else 10.0


class Reconnecting:
    """Wraps a function that opens a source, and opens it again whenever its signal is lost.

    The constructor opens it the first time, and lets errors of that through. After that only `read` touches
    the source, until the thread that reads has ended; then `close` may be called. Setting `stop` makes `read`
    return None: at once from a pause, within seconds from a silent camera, since drivers and FFmpeg give up
    by themselves. A driver that never gives up cannot be interrupted from here: read in a daemon thread, join
    it with a timeout, and if it hangs do not close, but leave it to the end of the process.

    state, reason: for the screen, from any thread. reason is one line, "" while all is well.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        *,
        stop: threading.Event | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.stop = stop or threading.Event()
        self.state: Literal["live", "no signal"] = "live"
        self.reason = ""
        self.signal_losses = 0
        self.reasons: Counter[str] = Counter()  # of the losses
        self.reconnects = 0
        self._open_source = open_source
        self._clock = clock or SystemClock()
        self.refused = ""  # why `switch` did not
        self._next: Callable[[], Source] | None = None
        self._called = _Called(lambda: self.stop.is_set() or self._next is not None)  # out of a pause
        self._attempt = 0  # since the last frame
        self._errors_before = 0  # decode errors of earlier connections
        self._begin: float | None = None  # when the very first frame was captured
        self._shift: float | None = 0.0  # from the connection's pts to ours; None: not known yet
        self._source = open_source()
        self._is_open = True

    @property
    def opener(self) -> Callable[[], Source]:
        """What opens it again: with it `switch` comes back here."""
        return self._next or self._open_source

    @property
    def name(self) -> str:
        """The source's."""
        return self._source.name

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the newest frame."""
        return self._source.size

    @property
    def fps(self) -> float:
        """The source's; 0.0 is unknown."""
        return self._source.fps

    @property
    def gives(self) -> str:
        """What the source really gives, for people: 640 x 480, 30 fps, MJPG."""
        width, height = self.size
        parts = [f"{width} x {height}", f"{self.fps:g} fps" if self.fps else "", self._source.format]
        return ", ".join(part for part in parts if part)

    @property
    def mirror(self) -> bool:
        """Whether people expect to see this one as in a mirror."""
        return self._source.mirror

    @property
    def waits(self) -> bool:
        """Whether it stands still while nobody reads."""
        return self._source.waits

    @property
    def decode_errors(self) -> int:
        """Pictures that came damaged and were skipped, over all connections."""
        return self._errors_before + (self._source.decode_errors if self._is_open else 0)

    def read(self) -> Frame | None:
        """Wait for the next frame, reconnecting as often as it takes; None once `stop` is set, or after the last.

        pts goes on across connections: what was missed in between is a gap.
        """
        while not self.stop.is_set():
            if self._next is not None:
                self._change()
            if not self._is_open and not self._reopen():
                continue
            try:
                frame = self._source.read()
            except SignalLost as error:
                if self._next is None:
                    self._lose(error)
                continue
            return None if frame is None else self._received(frame)
        return None

    def switch(self, open_source: Callable[[], Source]) -> None:
        """Another source from the next frame on, from any thread; `refused` says why, where that does not open."""
        self._next = open_source

    def close(self) -> None:
        """Close the source. May be called twice, but only by the thread that reads, or after its end."""
        self.stop.set()
        if self._is_open:
            self._hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _change(self) -> None:
        """The old one is closed first: two cameras at once are more than some USB ports carry."""
        new, self._next = self._next, None
        if self._is_open:
            self._hang_up()
        for opener in (new, self._open_source):
            if opener is None:
                continue
            try:
                self._source = opener()
            except SourceError as error:
                self.refused = self.refused or str(error)
                continue
            self._open_source, self._is_open = opener, True
            return
        self.state, self.reason = "no signal", self.refused

    def _reopen(self) -> bool:
        if self._clock.wait(pause(self._attempt), self._called):
            return False
        self._attempt += 1
        try:
            self._source = self._open_source()
        except SourceError as error:  # a camera that worked may yet come back, whatever it says meanwhile
            self.reason = str(error)
            return False
        self._is_open = True
        return True

    def _lose(self, error: SignalLost) -> None:
        self._hang_up()
        self.reason = str(error)
        if self.state == "live":
            self.state = "no signal"
            self.signal_losses += 1
            self.reasons[self.reason] += 1

    def _hang_up(self) -> None:
        self._errors_before += self._source.decode_errors
        self._is_open = False
        self._shift = None
        self._source.close()

    def _received(self, frame: Frame) -> Frame:
        if self._begin is None:
            self._begin = frame.captured
        if self._shift is None:
            self._shift = frame.captured - self._begin - frame.pts
        if self.state != "live":
            self.state = "live"
            self.reconnects += 1
        self.reason = ""
        self._attempt = 0
        return replace(frame, pts=frame.pts + self._shift) if self._shift else frame
