"""The batch pipeline: one thread decodes, up to three stylize, one encodes. Every frame is kept, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from realtime.frame import Image, VideoStep
from realtime.imaging import resize
from realtime.stylizer.sizes import MIN_SIDE, PIXEL_LIMIT
from realtime.stylizer.smoothing import RenewedSmoother
from realtime.stylizer.style_track import StyleTrack
from realtime.stylizer.stylizer import Stylizer
from realtime.system.queues import Abandoned, BoundedQueue, wait_through_interrupts

QUEUE_FRAMES = 4  # frames that may wait between two threads
MAX_WORKERS = 3  # threads that stylize

Stylize = Callable[[Image, float], Image]  # stylizes a frame, given with its time in the video in seconds


class Sink(Protocol):
    """A consumer of stylized frames, such as a `VideoSink`."""

    def write(self, step: VideoStep, /) -> None:
        """Write one step, its frame stylized."""

    def close(self) -> None:
        """Finish the output."""


class BatchFrameStylizer:
    """Stylizes the frames of one file, in their order.

    height: rows to stylize at, at most; None for the frames' own. scale_output: return frames of the size that they are
    stylized at, instead of their own. track: the look over time; None is the stylizer's own look.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        height: int | None = None,
        *,
        scale_output: bool = False,
        track: StyleTrack | None = None,
    ) -> None:
        self._stylizer, self._height, self._scale_output, self._track = stylizer, height, scale_output, track
        self._smoother = RenewedSmoother()
        self._next_frame = 0

    @property
    def _smooths(self) -> bool:
        return self._track.smooths if self._track else self._stylizer.look.smooth > 0

    def resume(self, kept_frames: int) -> int:
        """Return the frame from which on to stylize so that those after the kept ones come out as without a break.

        The frames in between are stylized, but not written: smoothing needs them.
        """
        self._next_frame = self._smoother.first_needed(kept_frames) if self._smooths else kept_frames
        return self._next_frame

    def num_workers(self, width: int, height: int) -> int:
        """Return how many frames of that size are stylized concurrently: as many as fit into memory."""
        if self._smooths:  # each frame needs the one before it
            return 1
        columns, rows = working_size(width, height, self._height)
        return max(1, min(self._stylizer.num_workers, PIXEL_LIMIT // (columns * rows)))

    def __call__(self, image: Image, seconds: float) -> Image:
        """Stylize a frame: [H, W, 3] -> the same shape, or with `scale_output` the size that it is stylized at.

        seconds: the frame's time in the video.
        """
        if self._smooths:
            self._smoother.begin(self._next_frame)
            self._next_frame += 1
        height, width = image.shape[:2]
        size = (even_working_size if self._scale_output else working_size)(width, height, self._height)
        look = self._track.at(seconds) if self._track else None
        stylized = self._stylizer.stylize_at(image, size, look, self._smoother)
        return resize(stylized, size if self._scale_output else (width, height))


def working_size(width: int, height: int, max_height: int | None) -> tuple[int, int]:
    """Return (width, height) to stylize at: no more rows than max_height and pixels than memory holds, 16 at least."""
    scale = min(1.0, max_height / height if max_height else 1.0, (PIXEL_LIMIT / (width * height)) ** 0.5)
    scale = max(scale, MIN_SIDE / min(width, height)) if scale < 1 or min(width, height) < MIN_SIDE else 1.0
    return (width, height) if scale == 1 else (round(width * scale), round(height * scale))


def even_working_size(width: int, height: int, max_height: int | None) -> tuple[int, int]:
    """Return the working size, made even if it is not the input's own: most codecs take no odd size."""
    size = working_size(width, height, max_height)
    return size if size == (width, height) else (size[0] + size[0] % 2, size[1] + size[1] % 2)


def run_pipeline(
    steps: Iterable[VideoStep],
    stylize: Stylize,
    sink: Sink,
    on_frame: Callable[[int], None] = lambda frames: None,
    *,
    time_base: Fraction = Fraction(1),
    skip_frames: int = 0,
    num_workers: int = 1,
) -> None:
    """Decode every step, stylize its frame, write it to the sink, and close the sink.

    on_frame: called with the number of frames so far. time_base: of the steps. skip_frames: how many of the first
    frames are written as they are: with --resume they are placeholders, for which the sink writes the frames that an
    interrupted run has stylized. num_workers: frames that are stylized concurrently.
    An error in any thread ends all of them and is raised once. KeyboardInterrupt ends the video early: the sink is
    closed as if it were over, then KeyboardInterrupt is raised again.
    """
    decoded: BoundedQueue[VideoStep] = BoundedQueue(QUEUE_FRAMES)
    stylized: BoundedQueue[VideoStep] = BoundedQueue(QUEUE_FRAMES)
    encoding_errors: list[BaseException] = []
    decoder_ended, encoder_ended = threading.Event(), threading.Event()
    decoder = threading.Thread(target=_run, args=(decoder_ended, _decode, steps, decoded), name="decode")
    encoder = threading.Thread(
        target=_run, args=(encoder_ended, _encode, stylized, sink, encoding_errors), name="encode"
    )
    decoder.start()
    encoder.start()
    error: BaseException | None = None
    try:
        _stylize_all(decoded, stylize, stylized, on_frame, time_base, skip_frames, num_workers)
    except Abandoned:
        pass  # the encoder has stopped reading; its own error is raised below
    except BaseException as caught:
        error = caught
    decoded.abandon()
    stylized.finish(None if isinstance(error, KeyboardInterrupt) else error)
    wait_through_interrupts(decoder_ended, encoder_ended)
    decoder.join()
    encoder.join()
    if encoding_errors and encoding_errors[0] is not error:
        raise encoding_errors[0]
    if error is not None:
        raise error


def _run(ended: threading.Event, work: Callable[..., None], *arguments: object) -> None:
    try:
        work(*arguments)
    finally:
        ended.set()


def _decode(steps: Iterable[VideoStep], decoded: BoundedQueue[VideoStep]) -> None:
    try:
        for step in steps:
            decoded.put(step)
    except Abandoned:
        return
    except BaseException as error:
        decoded.finish(error)
    else:
        decoded.finish()


def _stylize_all(
    decoded: BoundedQueue[VideoStep],
    stylize: Stylize,
    stylized: BoundedQueue[VideoStep],
    on_frame: Callable[[int], None],
    time_base: Fraction,
    skip_frames: int,
    num_workers: int,
) -> None:
    """Give every frame to a pool of workers, and pass the results on in the order in which the frames came."""
    submitted = finished = 0  # frames
    pending: deque[tuple[VideoStep, Future[Image] | None]] = deque()
    pool = ThreadPoolExecutor(num_workers, thread_name_prefix="stylize")

    def finish_first() -> None:
        nonlocal finished
        step, future = pending.popleft()
        if step.frame is not None:
            if future is not None:
                step = VideoStep(step.packets, replace(step.frame, image=future.result()))
            finished += 1
        stylized.put(step)
        if step.frame is not None:
            on_frame(finished)

    try:
        for step in decoded:
            future = None
            if step.frame is not None and submitted >= skip_frames:
                future = pool.submit(stylize, step.frame.image, float(step.frame.pts * time_base))
            pending.append((step, future))
            submitted += step.frame is not None
            while pending and (submitted - finished >= num_workers or pending[0][1] is None):
                finish_first()
        while pending:
            finish_first()
    finally:
        wait([future for _, future in pending if future is not None])
        # Waiting would join threads, which Ctrl-C must not interrupt: see `wait_through_interrupts`.
        pool.shutdown(wait=False)


def _encode(stylized: BoundedQueue[VideoStep], sink: Sink, errors: list[BaseException]) -> None:
    try:
        for step in stylized:
            sink.write(step)
        sink.close()
    except BaseException as error:
        errors.append(error)
        stylized.abandon()
