"""Which size to paint at, so that the frame rate holds."""

from __future__ import annotations

from collections.abc import Callable

SMALLEST = 240  # rows: below that the strokes are larger than the faces
SHARE = 0.85  # of the frame's time that painting may take; the rest is the display's


def working_size(frame: tuple[int, int], height: int, multiple: int) -> tuple[int, int]:
    """(width, height) to paint at: the frame's shape, about `height` rows, never larger than the frame.

    Both are multiples of `multiple`, unless the frame itself is painted as it is.
    """
    if height >= frame[1]:
        return frame
    rows = max(multiple, height // multiple * multiple)
    columns = max(multiple, round(frame[0] * rows / frame[1] / multiple) * multiple)
    return columns, rows


def choose_height(frame_height: int, seconds_at: Callable[[int], float], fps: float) -> int:
    """The most rows that can be painted `fps` times a second.

    seconds_at: paints once at that height and says how long it took. The time is taken to grow with
    the number of pixels, which is then tried out, and mended once if it proves wrong.
    """
    if frame_height <= SMALLEST:
        return frame_height
    budget = SHARE / fps
    height = SMALLEST
    for _ in range(2):
        seconds = min(seconds_at(height) for _ in range(3))
        wanted = int(height * (budget / max(seconds, 1e-6)) ** 0.5)
        wanted = max(SMALLEST, min(frame_height, wanted))
        if wanted == height:
            break
        height = wanted
    return height
