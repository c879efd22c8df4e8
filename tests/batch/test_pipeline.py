"""The batch pipeline: order, errors of each of its three stages, interruption and limited memory."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from realtime.batch.pipeline import QUEUE_FRAMES, BatchFrameStylizer, run_pipeline, working_size
from realtime.errors import OutputError
from realtime.frame import Image, VideoFrame, VideoStep
from realtime.stylizer.library import Library
from realtime.stylizer.sizes import PIXEL_LIMIT
from realtime.stylizer.style_track import Cue, StyleTrack
from realtime.stylizer.stylizer import Stylizer
from realtime.system.hardware import usable_cores
from realtime.system.queues import Abandoned, BoundedQueue


def steps(count: int, read: list[int] | None = None) -> Iterator[VideoStep]:
    for number in range(count):
        if read is not None:
            read.append(number)
        yield VideoStep(frame=VideoFrame(np.full((16, 16, 3), number % 256, np.uint8), number, 1))


class RecordingSink:
    """A sink that records the frames' times. fails_at: pts of the frame that it fails at; delay: seconds a frame."""

    def __init__(self, fails_at: int = -1, delay: float = 0) -> None:
        self.pts: list[int] = []
        self.closed = 0
        self._fails_at, self._delay = fails_at, delay

    def write(self, step: VideoStep) -> None:
        assert step.frame is not None
        if step.frame.pts == self._fails_at:
            raise OutputError("the disk is full")
        time.sleep(self._delay)
        self.pts.append(step.frame.pts)

    def close(self) -> None:
        self.closed += 1


def invert(image: Image, seconds: float) -> Image:
    return 255 - image


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    before = threading.active_count()
    yield
    deadline = time.monotonic() + 60
    while threading.active_count() > before:  # the workers' pool is not joined
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.02)


def test_every_frame_is_written_in_order_and_the_sink_closed_once() -> None:
    sink, counts = RecordingSink(), list[int]()
    run_pipeline(steps(200), invert, sink, counts.append)
    assert sink.pts == list(range(200))
    assert counts == list(range(1, 201))
    assert sink.closed == 1


def test_slow_sink_limits_how_far_decoding_runs_ahead() -> None:
    read: list[int] = []
    sink = RecordingSink(delay=0.002)
    ahead: list[int] = []
    run_pipeline(steps(60, read), invert, sink, lambda _: ahead.append(len(read) - len(sink.pts)))
    assert max(ahead) <= 2 * QUEUE_FRAMES + 4


def test_error_of_the_sink_is_raised() -> None:
    with pytest.raises(OutputError, match="full"):
        run_pipeline(steps(10_000), invert, RecordingSink(fails_at=3))


def test_error_of_the_source_is_raised_and_the_sink_not_closed() -> None:
    def broken() -> Iterator[VideoStep]:
        yield from steps(5)
        raise ValueError("decoder")

    sink = RecordingSink()
    with pytest.raises(ValueError, match="decoder"):
        run_pipeline(broken(), invert, sink)
    assert (sink.pts, sink.closed) == (list(range(5)), 0)


@pytest.mark.parametrize(("error", "closed"), [(ValueError("stylizer"), 0), (KeyboardInterrupt(), 1)])
@pytest.mark.parametrize("num_workers", [1, 2])
def test_error_while_stylizing_is_raised_and_only_an_interrupt_closes_the_sink(
    error: BaseException, closed: int, num_workers: int
) -> None:
    def stylize(image: Image, seconds: float) -> Image:
        if image[0, 0, 0] == 7:
            raise error
        return image

    sink = RecordingSink()
    with pytest.raises(type(error)):
        run_pipeline(steps(10_000), stylize, sink, num_workers=num_workers)
    assert (sink.pts, sink.closed) == (list(range(7)), closed)


def test_put_raises_abandoned_when_the_reader_has_left() -> None:
    queue: BoundedQueue[int] = BoundedQueue(1)
    queue.put(1)
    threading.Timer(0.05, queue.abandon).start()
    with pytest.raises(Abandoned):
        queue.put(2)


def test_working_size_keeps_the_shape_within_the_limits() -> None:
    assert working_size(640, 360, None) == (640, 360)
    assert working_size(640, 360, 720) == (640, 360)
    assert working_size(640, 360, 180) == (320, 180)
    assert working_size(8, 100, None) == (16, 200)
    width, height = working_size(12_000, 9_000, None)
    assert width * height <= PIXEL_LIMIT * 1.001 and width / height == pytest.approx(4 / 3, rel=0.001)
    assert min(working_size(4000, 20, 16)) >= 16


@pytest.mark.parametrize("shape", [(90, 120, 3), (47, 63, 3), (9, 30, 3)])
def test_frame_stylized_at_a_smaller_size_keeps_its_own(library: Library, shape: tuple[int, int, int]) -> None:
    with Stylizer(library=library) as stylizer:
        image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
        assert BatchFrameStylizer(stylizer, 32)(image, 0.0).shape == shape


def test_second_interrupt_waits_until_the_sink_is_closed() -> None:
    """After Ctrl-C twice the encoder's thread closes the sink before `run_pipeline` returns."""

    class SlowSink(RecordingSink):
        def close(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)
            super().close()

    def stylize(image: Image, seconds: float) -> Image:
        if image[0, 0, 0] == 7:
            raise KeyboardInterrupt
        return image

    sink = SlowSink()
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(steps(10_000), stylize, sink)
    assert (sink.pts, sink.closed) == (list(range(7)), 1)


def test_two_workers_run_concurrently_and_keep_the_order() -> None:
    """In each pair of frames the first finishes only after the second has started, and the second finishes first."""
    both_started = threading.Barrier(2, timeout=60)

    def stylize(image: Image, seconds: float) -> Image:
        both_started.wait()
        if image[0, 0, 0] % 2 == 0:
            time.sleep(0.01)
        return invert(image, seconds)

    sink, counts = RecordingSink(), list[int]()
    run_pipeline(steps(40), stylize, sink, counts.append, num_workers=2)
    assert sink.pts == list(range(40)) and counts == list(range(1, 41))


@pytest.mark.parametrize("num_workers", [1, 3])
def test_steps_without_a_frame_keep_their_place(num_workers: int) -> None:
    class StepSink:
        def __init__(self) -> None:
            self.written: list[int | None] = []

        def write(self, step: VideoStep) -> None:
            self.written.append(step.frame.pts if step.frame is not None else None)

        def close(self) -> None:
            pass

    def frames_and_packets() -> Iterator[VideoStep]:
        for step in steps(20):
            yield step
            yield VideoStep()

    sink = StepSink()
    run_pipeline(frames_and_packets(), invert, sink, num_workers=num_workers, skip_frames=3)
    assert sink.written == [pts for number in range(20) for pts in (number, None)]


def test_num_workers_is_limited_by_memory_and_one_if_frames_are_smoothed(library: Library) -> None:
    with Stylizer(library=library, provider="cpu", num_workers=2) as stylizer:
        two = min(2, usable_cores())
        assert stylizer.num_workers == two
        assert BatchFrameStylizer(stylizer).num_workers(640, 480) == two
        assert BatchFrameStylizer(stylizer).num_workers(8000, 6000) == 1
        assert BatchFrameStylizer(stylizer, 480).num_workers(8000, 6000) == two
        smoothing_track = StyleTrack((Cue(0.0, stylizer.look), Cue(1.0, replace(stylizer.look, smooth=0.5))))
        assert BatchFrameStylizer(stylizer, track=smoothing_track).num_workers(640, 480) == 1
    with Stylizer(library=library, provider="cpu", num_workers=2, smooth=0.5) as stylizer:
        assert BatchFrameStylizer(stylizer).num_workers(640, 480) == 1


def test_two_workers_stylize_as_one_does(library: Library) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(12)]

    class ComparingSink(RecordingSink):
        def write(self, step: VideoStep) -> None:
            assert step.frame is not None
            assert (step.frame.image == expected[step.frame.pts]).all(), step.frame.pts
            super().write(step)

    with Stylizer(library=library, provider="cpu") as stylizer:
        expected = [BatchFrameStylizer(stylizer)(image, 0.0) for image in images]
    sink = ComparingSink()
    with Stylizer(library=library, provider="cpu", num_workers=2) as stylizer:
        video = (VideoStep(frame=VideoFrame(image, number, 1)) for number, image in enumerate(images))
        run_pipeline(video, BatchFrameStylizer(stylizer), sink, num_workers=2)
    assert sink.pts == list(range(12))
