"""A source that reopens itself after a loss of signal."""

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

POLL_SECONDS = 0.1  # between two checks whether to stop or to switch, while waiting to reconnect


class _PolledEvent(threading.Event):
    """An event that is set whenever a function returns True; it cannot be set otherwise."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        super().__init__()
        self._condition = condition

    def is_set(self) -> bool:
        """Return what the function returns now."""
        return self._condition()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the function returns True, or for `timeout` seconds."""
        end = time.perf_counter() + (threading.TIMEOUT_MAX if timeout is None else timeout)
        while not self.is_set() and (remaining := end - time.perf_counter()) > 0:
            time.sleep(min(POLL_SECONDS, remaining))
        return self.is_set()


def retry_delay(attempt: int) -> float:
    """Return the seconds to wait before the attempt (0, 1, ...): 1 s five times, 5 s five times, then 10 s."""
    return 1.0 if attempt < 5 else 5.0 if attempt < 10 else 10.0


class ReconnectingSource:
    """Wraps a function that opens a source, and calls it again whenever the signal is lost.

    The constructor opens the source, and raises what opening it raises. From then on one thread calls `read`; when that
    thread has ended, `close` may be called. Setting `stop` makes `read` return None: within 0.1 s while it waits to
    reconnect, and within seconds while a camera is silent, since drivers and FFmpeg have timeouts of their own. A
    driver without a timeout cannot be interrupted: call `read` in a daemon thread, join it with a timeout, and if it is
    still alive then, leave the source open until the process ends.

    state, reason: for the screen, readable from any thread; reason is one line, empty while frames come.
    loss_reasons: how often the signal was lost for each reason. switch_error: why the last `switch` failed, or empty.
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
        self.loss_reasons: Counter[str] = Counter()
        self.reconnects = 0
        self.switch_error = ""
        self._open_source = open_source
        self._clock = clock or SystemClock()
        self._next_opener: Callable[[], Source] | None = None
        self._interrupt = _PolledEvent(lambda: self.stop.is_set() or self._next_opener is not None)
        self._attempt = 0  # attempts to reopen since the last frame
        self._earlier_decode_errors = 0  # damaged frames of the connections before this one
        self._first_captured: float | None = None  # `captured` of the very first frame
        self._pts_offset: float | None = 0.0  # added to this connection's pts; None until its first frame
        self._source = open_source()
        self._is_open = True

    @property
    def opener(self) -> Callable[[], Source]:
        """The function that opens the current source. Pass it to `switch` to return to this source later."""
        return self._next_opener or self._open_source

    @property
    def name(self) -> str:
        """Name of the current source."""
        return self._source.name

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the newest frame."""
        return self._source.size

    @property
    def fps(self) -> float:
        """Frames per second of the current source; 0.0 if unknown."""
        return self._source.fps

    @property
    def interval(self) -> float:
        """Longest time between frames of the current source that is usual, in seconds; 0.0 if unknown."""
        return self._source.interval

    @property
    def description(self) -> str:
        """Size, rate and format of the frames, for the user: 640 x 480, 30 fps, MJPG."""
        width, height = self.size
        parts = [f"{width} x {height}", f"{self.fps:g} fps" if self.fps else "", self._source.format]
        return ", ".join(part for part in parts if part)

    @property
    def mirror(self) -> bool:
        """Whether users expect to see the current source mirrored."""
        return self._source.mirror

    @property
    def can_pause(self) -> bool:
        """Whether the reader may stop reading for a while."""
        return self._source.can_pause

    @property
    def decode_errors(self) -> int:
        """Number of damaged frames, which were skipped, over all connections."""
        return self._earlier_decode_errors + (self._source.decode_errors if self._is_open else 0)

    def read(self) -> Frame | None:
        """Wait for the next frame, reconnecting as often as needed; None once `stop` is set or after the last frame.

        pts continues across connections and includes the time without signal.
        """
        while not self.stop.is_set():
            if self._next_opener is not None:
                self._switch_source()
            if not self._is_open and not self._reopen():
                continue
            try:
                frame = self._source.read()
            except SignalLost as error:
                if self._next_opener is None:
                    self._handle_loss(error)
                continue
            return None if frame is None else self._accept(frame)
        return None

    def switch(self, open_source: Callable[[], Source]) -> None:
        """Switch to another source from the next frame on; from any thread. Sets `switch_error` if it does not open."""
        self._next_opener = open_source

    def close(self) -> None:
        """Close the source. May be called twice, but only by the thread that reads, or after that has ended."""
        self.stop.set()
        if self._is_open:
            self._disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _switch_source(self) -> None:
        """Close the old source, then open the new one: some USB ports cannot carry two cameras at once."""
        new_opener, self._next_opener = self._next_opener, None
        if self._is_open:
            self._disconnect()
        for opener in (new_opener, self._open_source):
            if opener is None:
                continue
            try:
                self._source = opener()
            except SourceError as error:
                self.switch_error = self.switch_error or str(error)
                continue
            self._open_source, self._is_open = opener, True
            return
        self.state, self.reason = "no signal", self.switch_error

    def _reopen(self) -> bool:
        if self._clock.wait(retry_delay(self._attempt), self._interrupt):
            return False
        self._attempt += 1
        try:
            self._source = self._open_source()
        except SourceError as error:  # any error may be temporary: the camera has worked before
            self.reason = str(error)
            return False
        self._is_open = True
        return True

    def _handle_loss(self, error: SignalLost) -> None:
        self._disconnect()
        self.reason = str(error)
        if self.state == "live":
            self.state = "no signal"
            self.signal_losses += 1
            self.loss_reasons[self.reason] += 1

    def _disconnect(self) -> None:
        self._earlier_decode_errors += self._source.decode_errors
        self._is_open = False
        self._pts_offset = None
        self._source.close()

    def _accept(self, frame: Frame) -> Frame:
        if self._first_captured is None:
            self._first_captured = frame.captured
        if self._pts_offset is None:
            self._pts_offset = frame.captured - self._first_captured - frame.pts
        if self.state != "live":
            self.state = "live"
            self.reconnects += 1
        self.reason = ""
        self._attempt = 0
        return replace(frame, pts=frame.pts + self._pts_offset) if self._pts_offset else frame
