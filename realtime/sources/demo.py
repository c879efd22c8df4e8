"""A camera for those who have none: slow moves over a picture that ships in the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from math import cos, pi, sin

import cv2
import numpy as np

from realtime.errors import SourceError
from realtime.frame import Frame, Image
from realtime.sources.base import Source
from realtime.system.clock import Clock, SystemClock

TILT = 0.07  # rad, about 4 degrees, to either side
LARGE = 800 * 600  # pixels


class Demo(Source):
    """The moving picture, at an exact size, paced by the clock.

    Frame n is due n/fps seconds after the first. Whoever comes late gets the frame that is due then;
    those between are skipped, so nothing queues and nothing drifts.
    """

    def __init__(self, size: tuple[int, int] = (640, 480), fps: float = 30.0, clock: Clock | None = None) -> None:
        if min(size) < 2 or fps <= 0:
            raise ValueError(f"expected 2x2 pixels or more and a rate above 0, got {size[0]}x{size[1]} at {fps:g} fps")
        self._size, self._fps = size, fps
        self._clock = clock or SystemClock()
        self._start: float | None = None
        self._next = 0  # number of the next frame
        self._closed = False

    @property
    def name(self) -> str:
        """Always "demo"."""
        return "demo"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as asked for."""
        return self._size

    @property
    def fps(self) -> float:
        """Frames a second, as asked for."""
        return self._fps

    @property
    def decode_errors(self) -> int:
        """None ever."""
        return 0

    @property
    def waits(self) -> bool:
        """Drawing what nobody sees would be work for nothing; afterwards it is where it would have been."""
        return True

    def read(self) -> Frame:
        """Wait until the next frame is due, or take the one that is due now."""
        if self._closed:
            raise SourceError("demo is closed")
        now = self._clock.now()
        if self._start is None:
            self._start = now
        early = self._start + self._next / self._fps - now
        if early > 0:
            self._clock.wait(early)
        else:
            self._next = max(self._next, int((now - self._start) * self._fps))
        pts = self._next / self._fps
        self._next += 1
        captured = self._clock.now()
        return Frame(scene(pts, self._size), pts, captured)

    def close(self) -> None:
        """Nothing to give back."""
        self._closed = True


def scene(t: float, size: tuple[int, int] = (640, 480)) -> Image:
    """What is seen at `t` seconds: [H, W, 3]. The same `t` gives the same picture."""
    picture = _picture()
    # Cubic takes 3 ms at 640x480, and 20 at 1920x1080, where linear takes half that.
    kernel = cv2.INTER_CUBIC if size[0] * size[1] <= LARGE else cv2.INTER_LINEAR
    image = cv2.warpAffine(picture, view(t, size), size, flags=kernel | cv2.WARP_INVERSE_MAP)
    return np.asarray(image, np.uint8)


def view(t: float, size: tuple[int, int] = (640, 480)) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Where `t` looks: [2, 3], from a pixel of the frame to a point of the picture, always within it."""
    limit = np.array(_picture().shape[1::-1]) - 1.0  # the last column and row
    half = (np.array(size) - 1.0) / 2
    spread = half + half[::-1] * sin(TILT)  # half of what a tilted view covers at most, along x and y
    scale = (0.86 + 0.1 * sin(2 * pi * t / 13)) * (limit / 2 / spread).min()  # picture pixels per frame pixel
    tilt = TILT * sin(2 * pi * t / 19)
    turn = scale * np.array([[cos(tilt), -sin(tilt)], [sin(tilt), cos(tilt)]])
    room = limit - 2 * scale * spread
    # Of the room; never far down, or she would lose her head.
    path = np.array([0.45 + 0.4 * sin(2 * pi * t / 23), 0.11 - 0.11 * cos(2 * pi * t / 17)])
    middle = scale * spread + room * path
    return np.column_stack([turn, middle - turn @ half])


@cache
def _picture() -> Image:
    data = np.frombuffer((files("realtime") / "assets" / "demo.jpg").read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if picture is None:
        raise SourceError("the demo picture is damaged; install realtime-stylize again")
    return np.asarray(picture, np.uint8)
