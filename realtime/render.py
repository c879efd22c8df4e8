"""The line for films: a thread decodes, this one paints, a third encodes. Every picture, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from realtime.frame import FilmFrame, Image, Step
from realtime.governor import PIXEL_LIMIT
from realtime.mixing import fitted
from realtime.pipe import Abandoned, Pipe
from realtime.steady import Steady
from realtime.stylizer import Stylizer

ROOM = 4  # pictures between two threads

Paint = Callable[[Image], Image]


class Sink(Protocol):
    """Where painted pictures go."""

    def write(self, step: Step, /) -> None:
        """One step, painted."""

    def close(self) -> None:
        """All is written."""


def painter(stylizer: Stylizer, rows: int | None = None) -> Paint:
    """Paints the pictures of one film in their order: strokes of 1 at most `rows` high, given back at their size."""
    steady = Steady()

    def paint(image: Image) -> Image:
        height, width = image.shape[:2]
        painted = stylizer.paint_at(image, working_size(width, height, rows), steady=steady)
        return fitted(painted, (width, height))

    return paint


def working_size(width: int, height: int, rows: int | None) -> tuple[int, int]:
    """(width, height) to paint at: no more rows than asked for, no more pixels than memory holds, no less than 16."""
    scale = min(1.0, rows / height if rows else 1.0, (PIXEL_LIMIT / (width * height)) ** 0.5)
    scale = max(scale, 16 / min(width, height)) if scale < 1 or min(width, height) < 16 else 1.0
    return (width, height) if scale == 1 else (round(width * scale), round(height * scale))


def render(steps: Iterable[Step], paint: Paint, sink: Sink, shown: Callable[[int], None] = lambda frames: None) -> None:
    """Take every step from the film through the painter to the sink, and close the sink.

    An error of any of the three ends all three and is raised once. KeyboardInterrupt ends the film where it
    is: the sink is closed as if that were its end, then it is raised again.
    """
    decoded: Pipe[Step] = Pipe(ROOM)
    painted: Pipe[Step] = Pipe(ROOM)
    failures: list[BaseException] = []
    decode = threading.Thread(target=_decode, args=(steps, decoded), name="decode")
    encode = threading.Thread(target=_encode, args=(painted, sink, failures), name="encode")
    decode.start()
    encode.start()
    error: BaseException | None = None
    try:
        _paint(decoded, paint, painted, shown)
    except Abandoned:
        pass  # the encoder's own error says why
    except BaseException as caught:
        error = caught
    decoded.abandon()
    painted.finish(None if isinstance(error, KeyboardInterrupt) else error)
    decode.join()
    encode.join()
    if failures and failures[0] is not error:
        raise failures[0]
    if error is not None:
        raise error


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


def _paint(decoded: Pipe[Step], paint: Paint, painted: Pipe[Step], shown: Callable[[int], None]) -> None:
    count = 0
    for step in decoded:
        if step.frame is None:
            painted.put(step)
            continue
        frame = FilmFrame(paint(step.frame.image), step.frame.pts, step.frame.duration)
        painted.put(Step(step.packets, frame))
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
