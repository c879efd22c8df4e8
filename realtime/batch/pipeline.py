"""The line for films: a thread decodes, up to three paint, another encodes. Every picture, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from realtime.frame import Image, Step
from realtime.imaging import resize
from realtime.stylizer.sizes import MIN_SIDE, PIXEL_LIMIT
from realtime.stylizer.smoothing import TemporalSmoother
from realtime.stylizer.style_track import StyleTrack
from realtime.stylizer.stylizer import Stylizer
from realtime.system.queues import Abandoned, BoundedQueue, wait_through_interrupts

ROOM = 4  # pictures between two threads
MAX_WORKERS = 3  # pictures painted at once, at most; see `Way.num_workers`

Paint = Callable[[Image, float], Image]  # the second: when in the film, in seconds


class Sink(Protocol):
    """Where painted pictures go."""

    def write(self, step: Step, /) -> None:
        """One step, painted."""

    def close(self) -> None:
        """All is written."""


class Painter:
    """Paints the pictures of one film: strokes of 1 at most `rows` high, given back at their size.

    scale: given back at the size that strokes of 1 are painted at. track: the looks; None is the stylizer's own.
    """

    def __init__(
        self, stylizer: Stylizer, rows: int | None = None, *, scale: bool = False, track: StyleTrack | None = None
    ) -> None:
        self._stylizer, self._rows, self._scale, self._track = stylizer, rows, scale, track
        self._steady = TemporalSmoother()

    def num_workers(self, width: int, height: int) -> int:
        """How many pictures of that size are painted at once: as memory allows."""
        smooths = self._track.smooths if self._track else self._stylizer.look.smooth > 0
        if smooths:  # each needs the last one
            return 1
        columns, rows = working_size(width, height, self._rows)
        return max(1, min(self._stylizer.num_workers, PIXEL_LIMIT // (columns * rows)))

    def __call__(self, image: Image, seconds: float) -> Image:
        """[H, W, 3] -> the same shape, or the size painted at. seconds: when in the film."""
        height, width = image.shape[:2]
        size = (scaled_size if self._scale else working_size)(width, height, self._rows)
        look = self._track.at(seconds) if self._track else None
        painted = self._stylizer.stylize_at(image, size, look, self._steady)
        return resize(painted, size if self._scale else (width, height))


def working_size(width: int, height: int, rows: int | None) -> tuple[int, int]:
    """(width, height) to paint at: no more rows than asked for, no more pixels than memory holds, no less than 16."""
    scale = min(1.0, rows / height if rows else 1.0, (PIXEL_LIMIT / (width * height)) ** 0.5)
    scale = max(scale, MIN_SIDE / min(width, height)) if scale < 1 or min(width, height) < MIN_SIDE else 1.0
    return (width, height) if scale == 1 else (round(width * scale), round(height * scale))


def scaled_size(width: int, height: int, rows: int | None) -> tuple[int, int]:
    """The same where that size is written too: even, since most codecs take no other."""
    size = working_size(width, height, rows)
    return size if size == (width, height) else (size[0] + size[0] % 2, size[1] + size[1] % 2)


def render(
    steps: Iterable[Step],
    paint: Paint,
    sink: Sink,
    shown: Callable[[int], None] = lambda frames: None,
    *,
    time_base: Fraction = Fraction(1),
    skip: int = 0,
    num_workers: int = 1,
) -> None:
    """Take every step from the film through the painter to the sink, and close the sink.

    time_base: of the steps. skip: so many of the first pictures go past the painter. num_workers: painted at once.
    An error of any of the three ends all three and is raised once. KeyboardInterrupt ends the film where it
    is: the sink is closed as if that were its end, then it is raised again.
    """
    decoded: BoundedQueue[Step] = BoundedQueue(ROOM)
    painted: BoundedQueue[Step] = BoundedQueue(ROOM)
    failures: list[BaseException] = []
    ended = threading.Event(), threading.Event()
    decode = threading.Thread(target=_then, args=(ended[0], _decode, steps, decoded), name="decode")
    encode = threading.Thread(target=_then, args=(ended[1], _encode, painted, sink, failures), name="encode")
    decode.start()
    encode.start()
    error: BaseException | None = None
    try:
        _paint(decoded, paint, painted, shown, time_base, skip, num_workers)
    except Abandoned:
        pass  # the encoder's own error says why
    except BaseException as caught:
        error = caught
    decoded.abandon()
    painted.finish(None if isinstance(error, KeyboardInterrupt) else error)
    wait_through_interrupts(*ended)
    decode.join()
    encode.join()
    if failures and failures[0] is not error:
        raise failures[0]
    if error is not None:
        raise error


def _then(over: threading.Event, work: Callable[..., None], *arguments: object) -> None:
    try:
        work(*arguments)
    finally:
        over.set()


def _decode(steps: Iterable[Step], decoded: BoundedQueue[Step]) -> None:
    try:
        for step in steps:
            decoded.put(step)
    except Abandoned:
        return
    except BaseException as error:
        decoded.finish(error)
    else:
        decoded.finish()


def _paint(
    decoded: BoundedQueue[Step],
    paint: Paint,
    painted: BoundedQueue[Step],
    shown: Callable[[int], None],
    time_base: Fraction,
    skip: int,
    num_workers: int,
) -> None:
    """Give every picture to a lane, and take them back in the order they came."""
    given = taken = 0
    under_way: deque[tuple[Step, Future[Image] | None]] = deque()
    pool = ThreadPoolExecutor(num_workers, thread_name_prefix="paint")

    def take_back() -> None:
        nonlocal taken
        step, future = under_way.popleft()
        if step.frame is not None:
            if future is not None:
                step = Step(step.packets, replace(step.frame, image=future.result()))
            taken += 1
        painted.put(step)
        if step.frame is not None:
            shown(taken)

    try:
        for step in decoded:
            future = None
            if step.frame is not None and given >= skip:
                future = pool.submit(paint, step.frame.image, float(step.frame.pts * time_base))
            under_way.append((step, future))
            given += step.frame is not None
            while under_way and (given - taken >= num_workers or under_way[0][1] is None):
                take_back()
        while under_way:
            take_back()
    finally:
        wait([future for _, future in under_way if future is not None])
        pool.shutdown(wait=False)  # which would join: see above


def _encode(painted: BoundedQueue[Step], sink: Sink, failures: list[BaseException]) -> None:
    try:
        for step in painted:
            sink.write(step)
        sink.close()
    except BaseException as error:
        failures.append(error)
        painted.abandon()
