"""What every source of frames has in common."""

from __future__ import annotations

from typing import Protocol, Self

from realtime.frame import Frame, Image
from realtime.system.clock import Clock
from realtime.system.fps import FrameRate

MAX_DAMAGED_FRAMES = 50  # a camera that sends this many damaged frames in a row is lost


class Source(Protocol):
    """A sequence of frames, opened by its constructor and closed by `close()` or `with`.

    `read` and `close` must be called by the same thread: closing while a read waits in native code would free the
    memory that it uses.
    """

    @property
    def name(self) -> str:
        """The name shown to the user; passwords in it are masked."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the newest frame."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second: as measured, until then as the source declares; 0.0 if unknown."""
        ...

    @property
    def interval(self) -> float:
        """Longest time between frames that is usual, in seconds; 0.0 if unknown."""
        return 1 / self.fps if self.fps else 0.0

    @property
    def decode_errors(self) -> int:
        """Number of damaged frames, which were skipped."""
        ...

    @property
    def mirror(self) -> bool:
        """Whether users expect to see this source mirrored."""
        return False

    @property
    def format(self) -> str:
        """Format in which frames arrive, such as MJPG; empty if unknown."""
        return ""

    @property
    def can_pause(self) -> bool:
        """Whether the reader may stop reading for a while, as with a file; a camera would queue old frames."""
        return False

    def read(self) -> Frame | None:
        """Wait for the next frame and return it, or None after the last one.

        Raises SignalLost when opening the source again may help, SourceError when it will not.
        """
        ...

    def close(self) -> None:
        """Release the device or connection. May be called twice."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LiveSource(Source):
    """A source that cannot be paused: its frames are timed by their arrival, and their rate is measured."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._size = (640, 480)
        self._declared_fps = 0.0
        self._decode_errors = 0
        self._rate = FrameRate(clock.now())
        self._first_arrival: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the newest frame."""
        return self._size

    @property
    def fps(self) -> float:
        """Frames per second: as measured, until then as the source declares; 0.0 if unknown."""
        return self._rate.value(default=self._declared_fps)

    @property
    def decode_errors(self) -> int:
        """Number of damaged frames, which were skipped."""
        return self._decode_errors

    def _stamp(self, image: Image, arrival: float) -> Frame:
        """Return the image as a frame that arrived then; note its size and measure the rate."""
        if self._first_arrival is None:
            self._first_arrival = arrival
        self._rate.tick(arrival)
        self._size = (image.shape[1], image.shape[0])
        return Frame(image, arrival - self._first_arrival, arrival)
