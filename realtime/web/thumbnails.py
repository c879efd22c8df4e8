"""What each style makes of what the camera sees now, small."""

from __future__ import annotations

import threading
import time

import cv2

from realtime.frame import Image
from realtime.imaging import resize
from realtime.sources.demo import render_scene
from realtime.stylizer.look import one_style
from realtime.ui.controller import Controller

WIDTH, HEIGHT = 160, 120
FRESH = 5.0  # s


class Thumbnails:
    """Paints one when it is asked for; all of them from the same picture for a while."""

    def __init__(self, controller: Controller) -> None:
        self._deeds = controller
        self._made: dict[int, bytes] = {}
        self._small = resize(render_scene(0.0), (WIDTH, HEIGHT))
        self._taken = 0.0
        self._lock = threading.Lock()

    def jpeg(self, number: int) -> bytes:
        """Of that style, 0 is the first."""
        with self._lock:
            current, now = self._deeds.viewer.current, time.perf_counter()
            if current is not None and now - self._taken > FRESH:
                self._small, self._taken = _middle(current.original), now
                self._made.clear()
            if number not in self._made:
                stylizer = self._deeds.live.stylizer
                look = one_style(*stylizer.library.styles[number])
                painted = stylizer.stylize_at(self._small, (WIDTH, HEIGHT), look)
                self._made[number] = cv2.imencode(".jpg", painted, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
            return self._made[number]


def _middle(image: Image) -> Image:
    """As much of the picture as has the thumb's shape."""
    rows, columns = image.shape[:2]
    height, width = min(rows, columns * HEIGHT // WIDTH), min(columns, rows * WIDTH // HEIGHT)
    top, left = (rows - height) // 2, (columns - width) // 2
    return resize(image[top : top + height, left : left + width], (WIDTH, HEIGHT))
