"""Sizes to stylize at, in pixels."""

from __future__ import annotations

MIN_SIDE = 16  # pixels a side


PIXEL_LIMIT = 16 << 20  # painted at once: about 100 bytes of memory each


def size_for_height(frame: tuple[int, int], height: int, multiple: int) -> tuple[int, int]:
    """(width, height) to paint at: the frame's shape, about `height` rows, never larger than the frame.

    Both are multiples of `multiple`, unless the frame itself is painted as it is. A frame with a side below MIN_SIDE is
    enlarged until it has it: the network sees no less.
    """
    if min(frame) < MIN_SIDE:
        return round(frame[0] * MIN_SIDE / min(frame)), round(frame[1] * MIN_SIDE / min(frame))
    if height >= frame[1]:
        return frame
    rows = max(multiple, height // multiple * multiple)
    columns = max(multiple, round(frame[0] * rows / frame[1] / multiple) * multiple)
    return columns, rows


def stroke_size(size: tuple[int, int], stroke: float, multiple: int) -> tuple[int, int]:
    """(width, height) to paint at so that strokes come out `stroke` times as large as at `size`.

    `size` itself for strokes of 1; else of its shape and multiples of `multiple`, 16 at least, and no more than
    PIXEL_LIMIT, which fine strokes of a large picture would be.
    """
    if stroke == 1:
        return size
    factor = min(1 / stroke, (PIXEL_LIMIT / (size[0] * size[1])) ** 0.5)
    least = -(-MIN_SIDE // multiple)
    width, height = (max(least, round(side * factor / multiple)) * multiple for side in size)
    return width, height
