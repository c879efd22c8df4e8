"""The camera of a page in a browser, which sends it here."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from realtime.errors import SignalLost
from realtime.frame import Frame, Image
from realtime.sources.base import Source
from realtime.system.fps import FrameRate
from realtime.system.queues import LatestValue

if TYPE_CHECKING:
    from av import VideoFrame


class BrowserCamera(Source):
    """What a page sends, one at a time. Waits as long as none does, until `stop` is set."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._slot: LatestValue[tuple[VideoFrame, float]] = LatestValue()
        self._size = (640, 480)
        self._rate = FrameRate(time.perf_counter())
        self._first: float | None = None
        self._left = threading.Event()

    @property
    def name(self) -> str:
        """For people."""
        return "the page's camera"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the newest frame."""
        return self._size

    @property
    def fps(self) -> float:
        """Measured; 0.0 until then."""
        return self._rate.value(0.0)

    @property
    def format(self) -> str:
        """How it comes."""
        return "WebRTC"

    @property
    def decode_errors(self) -> int:
        """What is damaged on the way is asked for again there."""
        return 0

    @property
    def mirror(self) -> bool:
        """People look into it."""
        return True

    def put(self, frame: VideoFrame, captured: float) -> None:
        """A picture has come; from any thread."""
        self._slot.put((frame, captured))

    def leave(self) -> None:
        """Nobody need wait for more until it is opened again; from any thread."""
        self._left.set()

    def open(self) -> BrowserCamera:
        """Itself, to be read from now on."""
        self._left.clear()
        self._slot.take(0)  # an old picture
        return self

    def read(self) -> Frame | None:
        """Wait for the next frame; None after `stop`. Raises SignalLost after `leave`."""
        while not self.stop.is_set():
            if self._left.is_set():
                raise SignalLost("the page has stopped sending its camera")
            taken = self._slot.take(0.1)
            if taken is not None:
                return self._frame(*taken)
        return None

    def close(self) -> None:
        """Nothing to give back: the page's light goes off when it stops."""

    def _frame(self, frame: VideoFrame, captured: float) -> Frame:
        image: Image = np.ascontiguousarray(frame.to_ndarray(format="bgr24", threads=1))
        self._size = (image.shape[1], image.shape[0])
        self._rate.tick(captured)
        if self._first is None:
            self._first = captured
        return Frame(image, captured - self._first, captured)
