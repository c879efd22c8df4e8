"""Thumbnails of the styles: the present frame, stylized small."""

from __future__ import annotations

import threading
import time

import cv2

from realtime.errors import UnknownStyle
from realtime.frame import Image
from realtime.imaging import resize
from realtime.sources.demo import render_scene
from realtime.stylizer.look import one_style
from realtime.ui.controller import Controller

WIDTH, HEIGHT = 160, 120  # pixels
FRAME_SECONDS = 5.0  # thumbnails are made from one frame for this long, so that all styles show the same
JPEG_QUALITY = 85


class Thumbnails:
    """Makes the thumbnail of a style when it is requested. Any thread may call its method."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._jpegs: dict[int, bytes] = {}
        self._library = controller.live.stylizer.library
        self._frame = resize(render_scene(0.0), (WIDTH, HEIGHT))
        self._frame_time = 0.0
        self._lock = threading.Lock()

    def jpeg(self, number: int) -> bytes:
        """Return the JPEG of a style, 0 is the first. Raises UnknownStyle."""
        with self._lock:
            stylizer = self._controller.live.stylizer
            if self._library is not stylizer.library:
                self._library = stylizer.library
                self._jpegs.clear()
            if number >= len(self._library.styles):
                raise UnknownStyle(f"there are {len(self._library.styles)} styles")
            current, now = self._controller.viewer.current, time.perf_counter()
            if current is not None and now - self._frame_time > FRAME_SECONDS:
                self._frame, self._frame_time = _center_crop(current.original), now
                self._jpegs.clear()
            if number not in self._jpegs:
                look = one_style(*self._library.styles[number])
                stylized = stylizer.stylize_at(self._frame, (WIDTH, HEIGHT), look)
                data = cv2.imencode(".jpg", stylized, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
                self._jpegs[number] = data.tobytes()
            return self._jpegs[number]


def _center_crop(image: Image) -> Image:
    """Return the largest part with a thumbnail's shape from the middle of the image, at a thumbnail's size."""
    rows, columns = image.shape[:2]
    height, width = min(rows, columns * HEIGHT // WIDTH), min(columns, rows * WIDTH // HEIGHT)
    top, left = (rows - height) // 2, (columns - width) // 2
    return resize(image[top : top + height, left : left + width], (WIDTH, HEIGHT))
