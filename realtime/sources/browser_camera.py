"""The camera of a browser, whose page sends its frames here over WebRTC."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from realtime.errors import SignalLost
from realtime.frame import Frame, Image
from realtime.sources.base import LiveSource
from realtime.system.clock import SystemClock
from realtime.system.queues import LatestValue

if TYPE_CHECKING:
    from av import VideoFrame

POLL_SECONDS = 0.1  # between two checks for `stop` while no frame arrives


class BrowserCamera(LiveSource):
    """The frames that a page sends. Reading waits while no page does, until `stop` is set."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.stop = threading.Event()
        self._newest: LatestValue[tuple[VideoFrame, float]] = LatestValue()
        self._disconnected = threading.Event()

    @property
    def name(self) -> str:
        """The name shown to the user."""
        return "the page's camera"

    @property
    def format(self) -> str:
        """Always "WebRTC"."""
        return "WebRTC"

    @property
    def mirror(self) -> bool:
        """True: users look into it."""
        return True

    def put(self, frame: VideoFrame, captured: float) -> None:
        """Store a frame that has arrived; from any thread. captured: `time.perf_counter()` of its arrival."""
        self._newest.put((frame, captured))

    def disconnect(self) -> None:
        """Make `read` raise SignalLost until the source is opened again; from any thread."""
        self._disconnected.set()

    def open(self) -> BrowserCamera:
        """Return this source, ready to be read: frames sent before are discarded."""
        self._disconnected.clear()
        self._newest.take(0)
        return self

    def read(self) -> Frame | None:
        """Wait for the next frame; None after `stop`. Raises SignalLost after `disconnect`."""
        while not self.stop.is_set():
            if self._disconnected.is_set():
                raise SignalLost("the page has stopped sending its camera")
            received = self._newest.take(POLL_SECONDS)
            if received is not None:
                frame, captured = received
                image: Image = np.ascontiguousarray(frame.to_ndarray(format="bgr24", threads=1))
                return self._stamp(image, captured)
        return None

    def close(self) -> None:
        """Do nothing: the page releases its camera itself."""
