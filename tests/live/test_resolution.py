"""The size of live pictures follows the load, and nobody waits for it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np

from realtime.frame import Image
from realtime.live.resolution import AdaptiveResolution
from realtime.stylizer.library import Library
from realtime.stylizer.look import Look
from realtime.stylizer.stylizer import Stylizer

FPS = 30.0


class Slow(Stylizer):
    """Takes its time to make a size ready."""

    def __init__(self, library: Library) -> None:
        super().__init__(library=library, provider="cpu")
        self.ready = threading.Event()
        self.prepared: list[tuple[int, int]] = []

    def stylize_at(self, image: Image, size: tuple[int, int], *_: object) -> Image:
        return image

    def prepare(self, size: tuple[int, int], look: Look) -> None:
        self.ready.wait(20)
        self.prepared.append(size)


def test_pictures_keep_their_size_until_the_next_is_ready(library: Library) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    with Slow(library) as stylizer:
        sizes = AdaptiveResolution(stylizer, None)
        assert sizes.choose(frame, stylizer.look, FPS) == (640, 480)
        for number in range(60):  # four seconds of pictures that take too long
            assert sizes.observe(frame, stylizer.look, 2 / FPS, number * 2 / FPS) is None
        assert stylizer.prepared == []
        stylizer.ready.set()
        end = time.perf_counter() + 20
        size = None
        while size is None and time.perf_counter() < end:
            size = sizes.observe(frame, stylizer.look, 2 / FPS, 10.0)
        assert size is not None and 200 < size[1] < 480
        assert stylizer.prepared == [size]


def test_another_source_forgets_what_was_on_its_way(library: Library) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    with Slow(library) as stylizer:
        sizes = AdaptiveResolution(stylizer, None)
        sizes.choose(frame, stylizer.look, FPS)
        for number in range(10):
            sizes.observe(frame, stylizer.look, 2 / FPS, number * 2 / FPS)
        assert sizes._preparation is not None
        stylizer.ready.set()
        other = np.zeros((240, 320, 3), np.uint8)
        assert sizes.choose(other, stylizer.look, FPS) == (320, 240)
        assert len(stylizer.prepared) == 1, "it was waited for"
        assert all(sizes.observe(other, stylizer.look, 0.001, number / FPS) is None for number in range(10))


def test_what_was_made_ready_for_other_strokes_is_made_ready_again(library: Library) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    with Slow(library) as stylizer:
        sizes = AdaptiveResolution(stylizer, None)
        look = stylizer.look
        sizes.choose(frame, look, FPS)
        for number in range(10):
            sizes.observe(frame, look, 2 / FPS, number * 2 / FPS)
        stylizer.ready.set()
        while not stylizer.prepared:
            time.sleep(0.01)
        assert sizes._preparation is not None
        sizes._preparation.thread.join()
        fading = replace(look, previous=look, progress=0.5)
        assert sizes.observe(frame, fading, 2 / FPS, 2.0) is None, "not in the middle of a fade"
        larger = replace(look, stroke=2.0)
        assert sizes.observe(frame, larger, 1 / FPS, 2.1) is None
        sizes._preparation.thread.join()
        assert len(stylizer.prepared) == 2
        assert sizes.observe(frame, larger, 1 / FPS, 2.2) == stylizer.prepared[-1]


def test_no_compiler_is_at_work_when_the_process_ends(library: Library) -> None:
    """Asked for by a thread that is left behind at the end, it is waited for all the same."""
    frame = np.zeros((480, 640, 3), np.uint8)
    with Slow(library) as stylizer:
        sizes = AdaptiveResolution(stylizer, None)

        def paint() -> None:
            sizes.choose(frame, stylizer.look, FPS)
            for number in range(10):
                sizes.observe(frame, stylizer.look, 2 / FPS, number * 2 / FPS)

        painting = threading.Thread(target=paint, daemon=True)
        painting.start()
        painting.join()
        assert sizes._preparation is not None and not sizes._preparation.thread.daemon
        stylizer.ready.set()
        sizes.close()
        assert len(stylizer.prepared) == 1
