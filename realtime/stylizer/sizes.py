"""Sizes to stylize at, in pixels."""

from __future__ import annotations

MIN_SIDE = 16  # pixels; the network needs this many

PIXEL_LIMIT = 16 << 20  # pixels stylized at once; each takes about 100 bytes of memory


def size_for_height(frame: tuple[int, int], height: int, multiple: int) -> tuple[int, int]:
    """Return the (width, height) to stylize at: the frame's shape with about `height` rows, never larger than it.

    Both sides are multiples of `multiple`, unless the frame keeps its own size. A frame with a side below MIN_SIDE is
    enlarged until that side has it.
    """
    if min(frame) < MIN_SIDE:
        return round(frame[0] * MIN_SIDE / min(frame)), round(frame[1] * MIN_SIDE / min(frame))
    if height >= frame[1]:
        return frame
    rows = max(multiple, height // multiple * multiple)
    columns = max(multiple, round(frame[0] * rows / frame[1] / multiple) * multiple)
    return columns, rows


def stroke_size(size: tuple[int, int], stroke: float, multiple: int) -> tuple[int, int]:
    """Return the (width, height) to stylize at so that strokes are `stroke` times as large as at `size`.

    It is `size` itself for strokes of 1. Otherwise it has the same shape and sides that are multiples of `multiple`,
    16 at least, and not more than PIXEL_LIMIT pixels, which fine strokes of a large picture would exceed.
    """
    if stroke == 1:
        return size
    factor = min(1 / stroke, (PIXEL_LIMIT / (size[0] * size[1])) ** 0.5)
    min_count = -(-MIN_SIDE // multiple)
    width, height = (max(min_count, round(side * factor / multiple)) * multiple for side in size)
    return width, height
