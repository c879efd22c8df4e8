"""Drawing over the picture: figures, help, messages. OpenCV 5 draws the text, Unicode included."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from realtime.frame import Image
from realtime.live.layout import Layout
from realtime.ui.keys import BINDINGS

if TYPE_CHECKING:
    from realtime.sinks.recording import Recording

# Colours, BGR:
WHITE = (245, 245, 245)
GREY = (185, 185, 185)
AMBER = (80, 190, 255)
RED = (60, 60, 235)
DARK = (40, 40, 40)
SHADE = 0.25  # brightness of the picture under text: on white, grey text then has a contrast of 5 to 1
NO_SIGNAL_SHADE = 0.35  # brightness of the picture while no frames come
GAP = "   "  # separates the items of a line
MIN_TEXT_SIZE = 12  # pixels
MIN_HELP_TEXT_SIZE = 8  # pixels; for windows too small for all the keys
FONT_WEIGHT = 500

Colour = tuple[int, int, int]  # BGR
Row = list[tuple[str, Colour]]  # the columns of a line


@dataclass(frozen=True)
class Figures:
    """The figures over the picture.

    latency: seconds from capture to display. size: (width, height) stylized at. adjustments: what differs from the
    defaults. recording: the text beside the red dot; "" is no recording.
    """

    fps: float
    latency: float
    dropped: int
    provider: str
    provider_reason: str
    size: tuple[int, int]
    style: str
    source: str
    adjustments: str = ""
    recording: str = ""


def draw_figures(canvas: Image, figures: Figures) -> None:
    """Draw the figures, top left, and during a recording a red dot, top right."""
    width, height = figures.size
    lines = [
        (figures.style, WHITE),
        *([(figures.adjustments, AMBER)] if figures.adjustments else []),
        (f"{figures.fps:.1f} fps{GAP}{figures.latency * 1000:.0f} ms{GAP}{figures.dropped} dropped", WHITE),
        (f"{width} × {height}{GAP}{figures.provider.upper()}: {figures.provider_reason}", GREY),
        (figures.source, GREY),
    ]
    size = _text_size(canvas)
    gap = round(size * 0.6)
    taken = draw_recording(canvas, figures.recording) if figures.recording else 0
    max_width = canvas.shape[1] - 4 * gap - taken
    rows = [[(part, colour)] for text, colour in lines for part in _wrap(text, size, max_width)]
    _draw_panel(canvas, (gap, gap), rows, size, taken)


def recording_text(recording: Recording) -> str:
    """Return the text beside the red dot: duration, sound, dropped frames."""
    minutes, seconds = divmod(int(recording.seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"]
    parts += ["with sound"] if recording.has_sound else []
    parts += [f"{recording.dropped} left out"] if recording.dropped else []
    return GAP.join(parts)


def draw_recording(canvas: Image, text: str) -> int:
    """Draw a red dot and the text beside it, top right. Return the width taken."""
    size = _text_size(canvas)
    gap = round(size * 0.6)
    dot = _text_width("●", size)
    width = dot + size + _text_width(text, size) + 3 * gap
    left = max(0, int(canvas.shape[1]) - width)
    _draw_panel(canvas, (left, gap), [[("●", RED), (text, WHITE)]], size)
    middle = left + gap + dot // 2, gap + round(size * 1.02)
    cv2.circle(canvas, middle, round(size * 0.42), RED, -1, cv2.LINE_AA)  # larger than the character
    return width


def draw_help(canvas: Image) -> None:
    """Draw the help with every key, in the middle: in the number of columns, one or two, with the larger text."""
    one_column: list[Row] = [[(binding.shown, AMBER), (binding.help, WHITE)] for binding in BINDINGS]
    half = -(-len(one_column) // 2)
    right_column = [*one_column[half:], [("", AMBER), ("", WHITE)]]
    two_columns = [left + right for left, right in zip(one_column, right_column, strict=False)][:half]
    tables = [(_largest_text_size(canvas, table), table) for table in (one_column, two_columns)]
    size, table = max(tables, key=lambda pair: pair[0])
    _draw_panel(canvas, None, table, size)


def _largest_text_size(canvas: Image, rows: list[Row]) -> int:
    """Return the largest text size, up to the usual one, with which a table of these rows fits."""
    for size in range(_text_size(canvas), MIN_HELP_TEXT_SIZE, -1):
        _, width, height = _table_size(rows, size)
        if width <= canvas.shape[1] and height <= canvas.shape[0]:
            return size
    return MIN_HELP_TEXT_SIZE


def draw_tiles(
    canvas: Image, area: tuple[int, int, int, int], layout: Layout, names: list[str], chosen: int | None
) -> None:
    """Draw the name of every tile, with the key that chooses it, and a frame around the chosen one.

    area: (left, top, width, height) of the sheet on the canvas.
    """
    left, top, width, height = area
    size = max(MIN_TEXT_SIZE, min(_text_size(canvas), height // layout.rows // 10))
    pad = round(size * 0.4)
    for number, name in enumerate(names):
        x, y, right, bottom = layout.cell(number, width, height)
        text = _truncate(f"{number + 1}  {name}" if number < 9 else name, size, right - x - 4 * pad)
        box = canvas[
            top + bottom - size - 3 * pad : top + bottom, left + x : left + x + _text_width(text, size) + 3 * pad
        ]
        np.multiply(box, SHADE, out=box, casting="unsafe")
        colour = AMBER if number == chosen else WHITE
        _draw_text(canvas, text, (left + x + round(1.5 * pad), top + bottom - round(1.8 * pad)), size, colour)
        if number == chosen:
            line = max(2, size // 6)
            corner = (left + right - 1 - line // 2, top + bottom - 1 - line // 2)
            cv2.rectangle(canvas, (left + x + line // 2, top + y + line // 2), corner, AMBER, line)


def draw_seam(canvas: Image, area: tuple[int, int, int, int], seam: float) -> None:
    """Draw the seam of the split view, with a handle to drag it by. area: as for `draw_tiles`."""
    left, top, width, height = area
    line = max(2, height // 320)
    x = min(left + width - line, max(left + line - 1, left + round(seam * width)))
    y, radius = top + height // 2, max(6, height // 50)
    for outline, colour in ((line, DARK), (0, WHITE)):  # the outline makes it visible on white pictures
        cv2.line(canvas, (x, top), (x, top + height - 1), colour, line + outline)
        cv2.circle(canvas, (x, y), radius + outline, colour, -1, cv2.LINE_AA)
    for side in (-1, 1):
        base = x + side * radius // 6
        arrow = [[x + side * radius // 2, y], [base, y - radius // 3], [base, y + radius // 3]]
        cv2.fillConvexPoly(canvas, np.array(arrow, np.int32), DARK, cv2.LINE_AA)


def draw_message(canvas: Image, text: str) -> None:
    """Draw the status message, at the bottom, wrapped to several lines if it is long."""
    size = _text_size(canvas)
    rows: list[Row] = [[(line, WHITE)] for line in _wrap(text, size, canvas.shape[1] - 4 * size, " ")]
    _, width, height = _table_size(rows, size)
    corner = (max(0, (canvas.shape[1] - width) // 2), max(0, canvas.shape[0] - size - height))
    _draw_panel(canvas, corner, rows, size)


def draw_no_signal(canvas: Image, reason: str) -> None:
    """Darken the last picture, and draw NO SIGNAL and the reason."""
    np.multiply(canvas, NO_SIGNAL_SHADE, out=canvas, casting="unsafe")
    size = _text_size(canvas)
    big = size * 2
    middle = canvas.shape[0] // 2
    _draw_text(canvas, "NO SIGNAL", ((canvas.shape[1] - _text_width("NO SIGNAL", big)) // 2, middle), big, AMBER)
    line = _truncate(reason, size, canvas.shape[1] - 2 * size)
    _draw_text(canvas, line, ((canvas.shape[1] - _text_width(line, size)) // 2, middle + 2 * size), size, WHITE)


def _draw_panel(
    canvas: Image, corner: tuple[int, int] | None, rows: list[Row], size: int, right_margin: int = 0
) -> None:
    """Draw a table on a darkened box. corner: its (left, top); None is in the middle of the canvas."""
    pad, step = round(size * 0.6), round(size * 1.5)
    column_widths, width, height = _table_size(rows, size)
    width = min(width, canvas.shape[1] - 2 * pad - right_margin if corner else canvas.shape[1])
    left, top = corner or ((canvas.shape[1] - width) // 2, max(0, (canvas.shape[0] - height) // 2))
    area = canvas[top : top + height, left : left + width]
    np.multiply(area, SHADE, out=area, casting="unsafe")
    for number, row in enumerate(rows):
        x = left + pad
        for column, (text, colour) in enumerate(row):
            truncated = _truncate(text, size, left + width - pad - x)
            _draw_text(canvas, truncated, (x, top + step * (number + 1) - round(size * 0.15)), size, colour)
            x += column_widths[column] + size


def _table_size(rows: list[Row], size: int) -> tuple[list[int], int, int]:
    """Return the widths of the columns, and the width and height of the box around the table."""
    pad, step = round(size * 0.6), round(size * 1.5)
    columns = max(len(row) for row in rows)
    widths = [max(_text_width(row[c][0], size) for row in rows if c < len(row)) for c in range(columns)]
    return widths, sum(widths) + size * (columns - 1) + 2 * pad, step * len(rows) + pad


def _text_size(canvas: Image) -> int:
    """Return a text size in pixels that is readable in a window of any size."""
    return int(max(MIN_TEXT_SIZE, min(canvas.shape[0] // 32, max(28, canvas.shape[0] // 40))))


@cache
def _font() -> Any:
    return cv2.FontFace("sans")


@lru_cache(maxsize=2048)
def _text_width(text: str, size: int) -> int:
    return int(cv2.getTextSize((1, 1), text, (0, 0), _font(), size, FONT_WEIGHT)[2])


def _wrap(text: str, size: int, max_width: int, gap: str = GAP) -> list[str]:
    """Break a text into lines, at its gaps."""
    lines = [""]
    for part in text.split(gap):
        longer = lines[-1] + gap * bool(lines[-1]) + part
        if lines[-1] and _text_width(longer, size) > max_width:
            lines.append(part)
        else:
            lines[-1] = longer
    return lines


def _truncate(text: str, size: int, max_width: int) -> str:
    """Cut a text off with an ellipsis if it is too wide."""
    if _text_width(text, size) <= max_width:
        return text
    while text and _text_width(text + "…", size) > max_width:
        text = text[:-1]
    return text + "…"


def _draw_text(canvas: Image, text: str, origin: tuple[int, int], size: int, colour: Colour) -> None:
    """Draw a text. origin: the left end of its baseline."""
    cv2.putText(canvas, text, origin, colour, _font(), size, FONT_WEIGHT)
