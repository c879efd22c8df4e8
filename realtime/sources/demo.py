"""A simulated camera that moves slowly over an image shipped with the package."""

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

DEFAULT_SIZE = (640, 480)
MAX_TILT_RADIANS = 0.07  # about 4 degrees, to either side
MAX_CUBIC_PIXELS = 800 * 600  # larger frames are interpolated linearly


class Demo(Source):
    """The moving scene, at an exact size, paced by the clock.

    Frame n is due n/fps seconds after the first. A late reader gets the frame that is due then; those between are
    skipped, so that nothing queues and the scene stays in step with the clock.
    """

    def __init__(self, size: tuple[int, int] = DEFAULT_SIZE, fps: float = 30.0, clock: Clock | None = None) -> None:
        if min(size) < 2 or fps <= 0:
            raise ValueError(f"expected 2x2 pixels or more and a rate above 0, got {size[0]}x{size[1]} at {fps:g} fps")
        self._size, self._fps = size, fps
        self._clock = clock or SystemClock()
        self._start: float | None = None
        self._next_number = 0
        self._closed = False

    @property
    def name(self) -> str:
        """Always "demo"."""
        return "demo"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as requested."""
        return self._size

    @property
    def fps(self) -> float:
        """Frames per second, as requested."""
        return self._fps

    @property
    def decode_errors(self) -> int:
        """Always 0."""
        return 0

    @property
    def can_pause(self) -> bool:
        """True: a frame that is not shown need not be rendered; the scene continues where the clock is."""
        return True

    def read(self) -> Frame:
        """Wait until the next frame is due; a late reader gets the one that is due now."""
        if self._closed:
            raise SourceError("demo is closed")
        now = self._clock.now()
        if self._start is None:
            self._start = now
        wait = self._start + self._next_number / self._fps - now
        if wait > 0:
            self._clock.wait(wait)
        else:
            self._next_number = max(self._next_number, int((now - self._start) * self._fps))
        pts = self._next_number / self._fps
        self._next_number += 1
        captured = self._clock.now()
        return Frame(render_scene(pts, self._size), pts, captured)

    def close(self) -> None:
        """Close the source; there is nothing to release."""
        self._closed = True


def render_scene(t: float, size: tuple[int, int] = DEFAULT_SIZE) -> Image:
    """Return the scene at `t` seconds, [H, W, 3] uint8 BGR; it depends on `t` and `size` (width, height) only."""
    # Cubic interpolation takes 3 ms at 640x480, and 20 at 1920x1080, where linear takes half that.
    interpolation = cv2.INTER_CUBIC if size[0] * size[1] <= MAX_CUBIC_PIXELS else cv2.INTER_LINEAR
    image = cv2.warpAffine(_load_image(), view_matrix(t, size), size, flags=interpolation | cv2.WARP_INVERSE_MAP)
    return np.asarray(image, np.uint8)


def view_matrix(t: float, size: tuple[int, int] = DEFAULT_SIZE) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the affine map [2, 3] from a pixel of the frame at `t` seconds to a point of the image, always inside."""
    limit = np.array(_load_image().shape[1::-1]) - 1.0  # the last column and row
    half = (np.array(size) - 1.0) / 2
    half_extent = half + half[::-1] * sin(MAX_TILT_RADIANS)  # largest extent of a tilted view along x and y
    scale = (0.86 + 0.1 * sin(2 * pi * t / 13)) * (limit / 2 / half_extent).min()  # image pixels per frame pixel
    tilt = MAX_TILT_RADIANS * sin(2 * pi * t / 19)
    rotation = scale * np.array([[cos(tilt), -sin(tilt)], [sin(tilt), cos(tilt)]])
    margin = limit - 2 * scale * half_extent
    # The centre moves in the upper part only, so that the head of the person in the image stays in view.
    position = np.array([0.45 + 0.4 * sin(2 * pi * t / 23), 0.11 - 0.11 * cos(2 * pi * t / 17)])  # share of the margin
    centre = scale * half_extent + margin * position
    return np.column_stack([rotation, centre - rotation @ half])


@cache
def _load_image() -> Image:
    data = np.frombuffer((files("realtime") / "assets" / "demo.jpg").read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError("the demo picture is damaged; install realtime-stylize again")
    return np.asarray(image, np.uint8)
