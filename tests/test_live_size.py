"""The size of live pictures follows the load, and nobody waits for it."""

from __future__ import annotations

import threading
import time

import numpy as np

from realtime.frame import Image
from realtime.live_size import LiveSize
from realtime.look import Look
from realtime.styles import Library
from realtime.stylizer import Stylizer

FPS = 30.0


class Slow(Stylizer):
    """Takes its time to make a size ready."""

    def __init__(self, library: Library) -> None:
        super().__init__(library=library, provider="cpu")
        self.ready = threading.Event()
        self.prepared: list[tuple[int, int]] = []

    def paint_at(self, image: Image, size: tuple[int, int], *_: object) -> Image:
        return image

    def prepare(self, size: tuple[int, int], look: Look) -> None:
        self.ready.wait(20)
        self.prepared.append(size)


def test_pictures_keep_their_size_until_the_next_is_ready(library: Library) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    with Slow(library) as stylizer:
        sizes = LiveSize(stylizer, None)
        assert sizes.choose(frame, stylizer.look, FPS) == (640, 480)
        for number in range(60):  # four seconds of pictures that take too long
            assert sizes.observe(frame, stylizer.look, 2 / FPS, number * 2 / FPS) is None
        assert stylizer.prepared == []
        stylizer.ready.set()
        end = time.monotonic() + 20
        size = None
        while size is None and time.monotonic() < end:
            size = sizes.observe(frame, stylizer.look, 2 / FPS, 10.0)
        assert size is not None and 200 < size[1] < 480
        assert stylizer.prepared == [size]


def test_another_source_forgets_what_was_on_its_way(library: Library) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    with Slow(library) as stylizer:
        sizes = LiveSize(stylizer, None)
        sizes.choose(frame, stylizer.look, FPS)
        for number in range(10):
            sizes.observe(frame, stylizer.look, 2 / FPS, number * 2 / FPS)
        other = np.zeros((240, 320, 3), np.uint8)
        assert sizes.choose(other, stylizer.look, FPS) == (320, 240)
        stylizer.ready.set()
        for number in range(10):
            assert sizes.observe(other, stylizer.look, 0.001, number / FPS) is None
