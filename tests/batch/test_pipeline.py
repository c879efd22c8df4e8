"""The line: order, errors of each of its three parts, interruption, and a flat memory."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from realtime.batch.pipeline import QUEUE_FRAMES, FrameStylizer, run_pipeline, working_size
from realtime.errors import OutputError
from realtime.frame import Image, Step, VideoFrame
from realtime.stylizer.library import Library
from realtime.stylizer.sizes import PIXEL_LIMIT
from realtime.stylizer.style_track import Cue, StyleTrack
from realtime.stylizer.stylizer import Stylizer
from realtime.system.hardware import physical_cores
from realtime.system.queues import Abandoned, BoundedQueue


def steps(count: int, read: list[int] | None = None) -> Iterator[Step]:
    for number in range(count):
        if read is not None:
            read.append(number)
        yield Step(frame=VideoFrame(np.full((16, 16, 3), number % 256, np.uint8), number, 1))


class Kept:
    """A sink that remembers; it may be slow, or break at a frame."""

    def __init__(self, breaks_at: int = -1, slow: float = 0) -> None:
        self.pts: list[int] = []
        self.closed = 0
        self._breaks_at, self._slow = breaks_at, slow

    def write(self, step: Step) -> None:
        assert step.frame is not None
        if step.frame.pts == self._breaks_at:
            raise OutputError("the disk is full")
        time.sleep(self._slow)
        self.pts.append(step.frame.pts)

    def close(self) -> None:
        self.closed += 1


def invert(image: Image, seconds: float) -> Image:
    return 255 - image


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    deadline = time.monotonic() + 10
    while threading.active_count() > before:  # those that paint end by themselves
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.02)


def test_every_frame_in_order_and_one_close() -> None:
    sink, counts = Kept(), list[int]()
    run_pipeline(steps(200), invert, sink, counts.append)
    assert sink.pts == list(range(200))
    assert counts == list(range(1, 201))
    assert sink.closed == 1


def test_a_slow_sink_holds_the_others_back() -> None:
    read: list[int] = []
    sink = Kept(slow=0.002)
    ahead: list[int] = []
    run_pipeline(steps(60, read), invert, sink, lambda _: ahead.append(len(read) - len(sink.pts)))
    assert max(ahead) <= 2 * QUEUE_FRAMES + 4


def test_an_error_of_the_sink_is_raised_once() -> None:
    with pytest.raises(OutputError, match="full"):
        run_pipeline(steps(10_000), invert, Kept(breaks_at=3))


def test_an_error_of_the_source_is_raised_and_nothing_is_closed_as_if_whole() -> None:
    def broken() -> Iterator[Step]:
        yield from steps(5)
        raise ValueError("decoder")

    sink = Kept()
    with pytest.raises(ValueError, match="decoder"):
        run_pipeline(broken(), invert, sink)
    assert (sink.pts, sink.closed) == (list(range(5)), 0)


@pytest.mark.parametrize(("error", "closed"), [(ValueError("painter"), 0), (KeyboardInterrupt(), 1)])
@pytest.mark.parametrize("num_workers", [1, 2])
def test_errors_and_interruptions_while_painting(error: BaseException, closed: int, num_workers: int) -> None:
    def paint(image: Image, seconds: float) -> Image:
        if image[0, 0, 0] == 7:
            raise error
        return image

    sink = Kept()
    with pytest.raises(type(error)):
        run_pipeline(steps(10_000), paint, sink, num_workers=num_workers)
    assert (sink.pts, sink.closed) == (list(range(7)), closed)


def test_a_pipe_tells_the_writer_that_the_reader_has_gone() -> None:
    pipe: BoundedQueue[int] = BoundedQueue(1)
    pipe.put(1)
    threading.Timer(0.05, pipe.abandon).start()
    with pytest.raises(Abandoned):
        pipe.put(2)
    time.sleep(0.1)


def test_the_working_size() -> None:
    assert working_size(640, 360, None) == (640, 360)
    assert working_size(640, 360, 720) == (640, 360)
    assert working_size(640, 360, 180) == (320, 180)
    assert working_size(8, 100, None) == (16, 200)
    width, height = working_size(12_000, 9_000, None)
    assert width * height <= PIXEL_LIMIT * 1.001 and width / height == pytest.approx(4 / 3, rel=0.001)
    assert min(working_size(4000, 20, 16)) >= 16


@pytest.mark.parametrize("shape", [(90, 120, 3), (47, 63, 3), (9, 30, 3)])
def test_painting_smaller_gives_the_size_back(library: Library, shape: tuple[int, int, int]) -> None:
    with Stylizer(library=library) as stylizer:
        image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
        assert FrameStylizer(stylizer, 32)(image, 0.0).shape == shape


def test_a_second_interruption_waits_for_the_end_of_the_film() -> None:
    """Ctrl-C twice: the sink is closed all the same, by the thread that writes to it, before run_pipeline returns."""

    class Slow(Kept):
        def close(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)
            super().close()

    def paint(image: Image, seconds: float) -> Image:
        if image[0, 0, 0] == 7:
            raise KeyboardInterrupt
        return image

    sink = Slow()
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(steps(10_000), paint, sink)
    assert (sink.pts, sink.closed) == (list(range(7)), 1)


def test_two_pictures_are_painted_at_once_and_keep_their_order() -> None:
    """The first of each two ends only when the second has begun, and the second ends first."""
    both = threading.Barrier(2, timeout=60)

    def paint(image: Image, seconds: float) -> Image:
        both.wait()
        if image[0, 0, 0] % 2 == 0:
            time.sleep(0.01)
        return invert(image, seconds)

    sink, counts = Kept(), list[int]()
    run_pipeline(steps(40), paint, sink, counts.append, num_workers=2)
    assert sink.pts == list(range(40)) and counts == list(range(1, 41))


@pytest.mark.parametrize("num_workers", [1, 3])
def test_what_is_no_picture_stays_in_its_place(num_workers: int) -> None:
    class Everything:
        def __init__(self) -> None:
            self.written: list[int | None] = []

        def write(self, step: Step) -> None:
            self.written.append(step.frame.pts if step.frame is not None else None)

        def close(self) -> None:
            pass

    def mixed() -> Iterator[Step]:
        for step in steps(20):
            yield step
            yield Step()

    sink = Everything()
    run_pipeline(mixed(), invert, sink, num_workers=num_workers, skip_frames=3)
    assert sink.written == [pts for number in range(20) for pts in (number, None)]


def test_lanes_fit_into_memory_and_each_smoothed_picture_waits_for_the_last(library: Library) -> None:
    with Stylizer(library=library, provider="cpu", num_workers=2) as stylizer:
        two = min(2, physical_cores())
        assert stylizer.num_workers == two
        assert FrameStylizer(stylizer).num_workers(640, 480) == two
        assert FrameStylizer(stylizer).num_workers(8000, 6000) == 1
        assert FrameStylizer(stylizer, 480).num_workers(8000, 6000) == two
        smooth = StyleTrack((Cue(0.0, stylizer.look), Cue(1.0, replace(stylizer.look, smooth=0.5))))
        assert FrameStylizer(stylizer, track=smooth).num_workers(640, 480) == 1
    with Stylizer(library=library, provider="cpu", num_workers=2, smooth=0.5) as stylizer:
        assert FrameStylizer(stylizer).num_workers(640, 480) == 1


def test_lanes_paint_what_one_paints(library: Library) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(12)]

    class Pictures(Kept):
        def write(self, step: Step) -> None:
            assert step.frame is not None
            assert (step.frame.image == expected[step.frame.pts]).all(), step.frame.pts
            super().write(step)

    with Stylizer(library=library, provider="cpu") as stylizer:
        expected = [FrameStylizer(stylizer)(image, 0.0) for image in images]
    sink = Pictures()
    with Stylizer(library=library, provider="cpu", num_workers=2) as stylizer:
        film = (Step(frame=VideoFrame(image, number, 1)) for number, image in enumerate(images))
        run_pipeline(film, FrameStylizer(stylizer), sink, num_workers=2)
    assert sink.pts == list(range(12))
