"""The line for films: a thread decodes, this one paints, a third encodes. Every picture, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from realtime.frame import Image, Step
from realtime.governor import PIXEL_LIMIT
from realtime.mixing import fitted
from realtime.pipe import Abandoned, Pipe
from realtime.steady import Steady
from realtime.style_track import StyleTrack
from realtime.stylizer import Stylizer

ROOM = 4  # pictures between two threads

Paint = Callable[[Image, float], Image]  # the second: when in the film, in seconds


class Sink(Protocol):
    """Where painted pictures go."""

    def write(self, step: Step, /) -> None:
        """One step, painted."""

    def close(self) -> None:
        """All is written."""


def painter(
    stylizer: Stylizer, rows: int | None = None, *, scale: bool = False, track: StyleTrack | None = None
) -> Paint:
    """Paints the pictures of one film in their order: strokes of 1 at most `rows` high, given back at their size.

    scale: given back at the size that strokes of 1 are painted at. track: the looks; None is the stylizer's own.
    """
    steady = Steady()

    def paint(image: Image, seconds: float) -> Image:
        height, width = image.shape[:2]
        size = scaled_size(width, height, rows) if scale else working_size(width, height, rows)
        painted = stylizer.paint_at(image, size, track.at(seconds) if track else None, steady)
        return fitted(painted, size if scale else (width, height))

    return paint


def working_size(width: int, height: int, rows: int | None) -> tuple[int, int]:
    """(width, height) to paint at: no more rows than asked for, no more pixels than memory holds, no less than 16."""
    scale = min(1.0, rows / height if rows else 1.0, (PIXEL_LIMIT / (width * height)) ** 0.5)
    scale = max(scale, 16 / min(width, height)) if scale < 1 or min(width, height) < 16 else 1.0
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
) -> None:
    """Take every step from the film through the painter to the sink, and close the sink.

    time_base: of the steps. skip: so many of the first pictures go past the painter.
    An error of any of the three ends all three and is raised once. KeyboardInterrupt ends the film where it
    is: the sink is closed as if that were its end, then it is raised again.
    """
    decoded: Pipe[Step] = Pipe(ROOM)
    painted: Pipe[Step] = Pipe(ROOM)
    failures: list[BaseException] = []
    ended = threading.Semaphore(0)
    decode = threading.Thread(target=_then, args=(ended, _decode, steps, decoded), name="decode")
    encode = threading.Thread(target=_then, args=(ended, _encode, painted, sink, failures), name="encode")
    decode.start()
    encode.start()
    error: BaseException | None = None
    try:
        _paint(decoded, paint, painted, shown, time_base, skip)
    except Abandoned:
        pass  # the encoder's own error says why
    except BaseException as caught:
        error = caught
    decoded.abandon()
    painted.finish(None if isinstance(error, KeyboardInterrupt) else error)
    waiting = 2
    while waiting:  # a film is closed in seconds: who presses Ctrl-C again has to wait for it
        with suppress(KeyboardInterrupt):  # not in join: interrupted there, Python 3.11 takes the thread for ended
            ended.acquire()
            waiting -= 1
    decode.join()
    encode.join()
    if failures and failures[0] is not error:
        raise failures[0]
    if error is not None:
        raise error


def _then(ended: threading.Semaphore, work: Callable[..., None], *arguments: object) -> None:
    try:
        work(*arguments)
    finally:
        ended.release()


def _decode(steps: Iterable[Step], decoded: Pipe[Step]) -> None:
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
    decoded: Pipe[Step],
    paint: Paint,
    painted: Pipe[Step],
    shown: Callable[[int], None],
    time_base: Fraction,
    skip: int,
) -> None:
    count = 0
    for step in decoded:
        if step.frame is None:
            painted.put(step)
            continue
        image = step.frame.image
        if count >= skip:
            image = paint(image, float(step.frame.pts * time_base))
        painted.put(Step(step.packets, replace(step.frame, image=image)))
        count += 1
        shown(count)


def _encode(painted: Pipe[Step], sink: Sink, failures: list[BaseException]) -> None:
    try:
        for step in painted:
            sink.write(step)
        sink.close()
    except BaseException as error:
        failures.append(error)
        painted.abandon()
