"""The size of live frames follows the load without making them wait."""

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


class SlowToPrepare(Stylizer):
    """A stylizer that stylizes at once, and prepares a size only when `ready` is set."""

    def __init__(self, library: Library) -> None:
        super().__init__(library=library, provider="cpu")
        self.ready = threading.Event()
        self.prepared: list[tuple[int, int]] = []

    def stylize_at(self, image: Image, size: tuple[int, int], *_: object) -> Image:
        return image

    def prepare(self, size: tuple[int, int], look: Look) -> None:
        assert self.ready.wait(60)
        self.prepared.append(size)


def test_size_changes_only_when_new_size_is_prepared(library: Library) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    with SlowToPrepare(library) as stylizer:
        resolution = AdaptiveResolution(stylizer, None)
        assert resolution.choose(frame, stylizer.look, FPS) == (640, 480)
        for number in range(60):  # four seconds of frames that take too long
            assert resolution.observe(frame, stylizer.look, 2 / FPS, number * 2 / FPS) is None
        assert stylizer.prepared == []
        stylizer.ready.set()
        deadline = time.perf_counter() + 60
        size = None
        while size is None and time.perf_counter() < deadline:
            size = resolution.observe(frame, stylizer.look, 2 / FPS, 10.0)
        assert size is not None and 200 < size[1] < 480
        assert stylizer.prepared == [size]


def test_new_source_drops_size_that_is_being_prepared(library: Library) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    with SlowToPrepare(library) as stylizer:
        resolution = AdaptiveResolution(stylizer, None)
        resolution.choose(frame, stylizer.look, FPS)
        for number in range(10):
            resolution.observe(frame, stylizer.look, 2 / FPS, number * 2 / FPS)
        assert resolution._preparation is not None
        stylizer.ready.set()
        other = np.zeros((240, 320, 3), np.uint8)
        assert resolution.choose(other, stylizer.look, FPS) == (320, 240)
        assert len(stylizer.prepared) == 1, "its preparation was waited for"
        assert all(resolution.observe(other, stylizer.look, 0.001, number / FPS) is None for number in range(10))


def test_size_is_prepared_again_when_stroke_has_changed(library: Library) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    with SlowToPrepare(library) as stylizer:
        resolution = AdaptiveResolution(stylizer, None)
        look = stylizer.look
        resolution.choose(frame, look, FPS)
        for number in range(10):
            resolution.observe(frame, look, 2 / FPS, number * 2 / FPS)
        stylizer.ready.set()
        while not stylizer.prepared:
            time.sleep(0.01)
        assert resolution._preparation is not None
        resolution._preparation.thread.join()
        fading = replace(look, previous=look, progress=0.5)
        assert resolution.observe(frame, fading, 2 / FPS, 2.0) is None, "a size must not change during a fade"
        larger = replace(look, stroke=2.0)
        assert resolution.observe(frame, larger, 1 / FPS, 2.1) is None
        resolution._preparation.thread.join()
        assert len(stylizer.prepared) == 2
        assert resolution.observe(frame, larger, 1 / FPS, 2.2) == stylizer.prepared[-1]


def test_preparation_is_waited_for_at_the_end_of_the_process(library: Library) -> None:
    """The thread that prepares is no daemon, although a daemon has started it."""
    frame = np.zeros((480, 640, 3), np.uint8)
    with SlowToPrepare(library) as stylizer:
        resolution = AdaptiveResolution(stylizer, None)

        def stylize() -> None:
            resolution.choose(frame, stylizer.look, FPS)
            for number in range(10):
                resolution.observe(frame, stylizer.look, 2 / FPS, number * 2 / FPS)

        stylizing = threading.Thread(target=stylize, daemon=True)
        stylizing.start()
        stylizing.join()
        assert resolution._preparation is not None and not resolution._preparation.thread.daemon
        stylizer.ready.set()
        resolution.close()
        assert len(stylizer.prepared) == 1
