"""What is drawn over the picture: figures, help, messages. Text is OpenCV 5's own, Unicode included."""

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

WHITE = (245, 245, 245)
GREY = (185, 185, 185)
AMBER = (80, 190, 255)  # BGR
RED = (60, 60, 235)
DARK = (40, 40, 40)
SHADE = 0.25  # what is left of the picture under text: grey on it has a contrast of 5 to 1 even where that is white
GAP = "   "  # between two things of one line
SMALLEST_TEXT = 12  # pixels
SMALLEST_HELP = 8  # in windows too small for all the keys


@dataclass(frozen=True)
class Figures:
    """What the HUD shows. latency: capture to display, seconds; size: (width, height) painted at.

    dialled: what is set otherwise than by default; recording: what stands beside the red dot, if there is one.
    """

    fps: float
    latency: float
    dropped: int
    provider: str
    provider_reason: str
    size: tuple[int, int]
    style: str
    source: str
    dialled: str = ""
    recording: str = ""


def draw_hud(canvas: Image, figures: Figures) -> None:
    """The figures, top left; while something is recorded, a red dot, top right."""
    width, height = figures.size
    lines = [
        (figures.style, WHITE),
        *([(figures.dialled, AMBER)] if figures.dialled else []),
        (f"{figures.fps:.1f} fps{GAP}{figures.latency * 1000:.0f} ms{GAP}{figures.dropped} dropped", WHITE),
        (f"{width} × {height}{GAP}{figures.provider.upper()}: {figures.provider_reason}", GREY),
        (figures.source, GREY),
    ]
    size = _text_size(canvas)
    gap = round(size * 0.6)
    taken = draw_recording(canvas, figures.recording) if figures.recording else 0
    room = canvas.shape[1] - 4 * gap - taken
    rows = [[(part, colour)] for text, colour in lines for part in _folded(text, size, room)]
    _panel(canvas, (gap, gap), rows, size, taken)


def recording_text(recording: Recording) -> str:
    """What stands beside the red dot."""
    minutes, rest = divmod(int(recording.seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"]
    parts += ["with sound"] if recording.has_sound else []
    parts += [f"{recording.dropped} left out"] if recording.dropped else []
    return GAP.join(parts)


def draw_recording(canvas: Image, text: str) -> int:
    """A red dot and what stands beside it, top right. Returns the width that it takes."""
    size = _text_size(canvas)
    gap = round(size * 0.6)
    dot = _width("●", size)
    wide = dot + size + _width(text, size) + 3 * gap
    left = max(0, int(canvas.shape[1]) - wide)
    _panel(canvas, (left, gap), [[("●", RED), (text, WHITE)]], size)
    middle = left + gap + dot // 2, gap + round(size * 1.02)
    cv2.circle(canvas, middle, round(size * 0.42), RED, -1, cv2.LINE_AA)  # larger than the letter
    return wide


def draw_help(canvas: Image) -> None:
    """Every key, in the middle: in one column or two, whichever can be written larger."""
    rows = [[(binding.shown, AMBER), (binding.help, WHITE)] for binding in BINDINGS]
    half = -(-len(rows) // 2)
    folded = [left + right for left, right in zip(rows, [*rows[half:], [("", AMBER), ("", WHITE)]], strict=False)]
    size, table = max(((_largest(canvas, table), table) for table in (rows, folded[:half])), key=lambda pair: pair[0])
    _panel(canvas, None, table, size)


def _largest(canvas: Image, rows: list[list[tuple[str, tuple[int, int, int]]]]) -> int:
    """The largest text that a table of these rows fits with, up to the usual."""
    for size in range(_text_size(canvas), SMALLEST_HELP, -1):
        _, box, tall = _extent(rows, size)
        if box <= canvas.shape[1] and tall <= canvas.shape[0]:
            return size
    return SMALLEST_HELP


def draw_tiles(
    canvas: Image, area: tuple[int, int, int, int], layout: Layout, names: list[str], chosen: int | None
) -> None:
    """Name every tile, with the key that picks it, and frame the one chosen.

    area: (left, top, width, height) of the sheet on the canvas.
    """
    left, top, width, height = area
    size = max(SMALLEST_TEXT, min(_text_size(canvas), height // layout.rows // 10))
    pad = round(size * 0.4)
    for number, name in enumerate(names):
        x, y, right, bottom = layout.cell(number, width, height)
        text = _shorten(f"{number + 1}  {name}" if number < 9 else name, size, right - x - 4 * pad)
        box = canvas[top + bottom - size - 3 * pad : top + bottom, left + x : left + x + _width(text, size) + 3 * pad]
        np.multiply(box, SHADE, out=box, casting="unsafe")
        colour = AMBER if number == chosen else WHITE
        _text(canvas, text, (left + x + round(1.5 * pad), top + bottom - round(1.8 * pad)), size, colour)
        if number == chosen:
            thick = max(2, size // 6)
            corner = (left + right - 1 - thick // 2, top + bottom - 1 - thick // 2)
            cv2.rectangle(canvas, (left + x + thick // 2, top + y + thick // 2), corner, AMBER, thick)


def draw_seam(canvas: Image, area: tuple[int, int, int, int], seam: float) -> None:
    """The line between original and painting, with a grip to drag it by. area: as for `draw_tiles`."""
    left, top, width, height = area
    thick = max(2, height // 320)
    x = min(left + width - thick, max(left + thick - 1, left + round(seam * width)))
    y, grip = top + height // 2, max(6, height // 50)
    for wider, colour in ((thick, DARK), (0, WHITE)):  # seen on white pictures too
        cv2.line(canvas, (x, top), (x, top + height - 1), colour, thick + wider)
        cv2.circle(canvas, (x, y), grip + wider, colour, -1, cv2.LINE_AA)
    for way in (-1, 1):
        arrow = [[x + way * grip // 2, y], [x + way * grip // 6, y - grip // 3], [x + way * grip // 6, y + grip // 3]]
        cv2.fillConvexPoly(canvas, np.array(arrow, np.int32), DARK, cv2.LINE_AA)


def draw_message(canvas: Image, text: str) -> None:
    """At the bottom, for a moment: the style chosen, the snapshot saved; in several lines where it is long."""
    size = _text_size(canvas)
    lines = _folded(text, size, canvas.shape[1] - 4 * size, " ")
    _, box, tall = _extent(rows := [[(line, WHITE)] for line in lines], size)
    where = (max(0, (canvas.shape[1] - box) // 2), max(0, canvas.shape[0] - size - tall))
    _panel(canvas, where, rows, size)


def draw_no_signal(canvas: Image, reason: str) -> None:
    """Darken the last picture and say that no newer one comes."""
    np.multiply(canvas, 0.35, out=canvas, casting="unsafe")
    size = _text_size(canvas)
    big = size * 2
    middle = canvas.shape[0] // 2
    _text(canvas, "NO SIGNAL", ((canvas.shape[1] - _width("NO SIGNAL", big)) // 2, middle), big, AMBER)
    line = _shorten(reason, size, canvas.shape[1] - 2 * size)
    _text(canvas, line, ((canvas.shape[1] - _width(line, size)) // 2, middle + 2 * size), size, WHITE)


def _panel(
    canvas: Image,
    where: tuple[int, int] | None,
    rows: list[list[tuple[str, tuple[int, int, int]]]],
    size: int,
    taken: int = 0,
) -> None:
    """Rows of columns on a darkened box at `where` (left, top), or in the middle. taken: width left free, right."""
    pad, step = round(size * 0.6), round(size * 1.5)
    widths, box, tall = _extent(rows, size)
    box = min(box, canvas.shape[1] - 2 * pad - taken if where else canvas.shape[1])
    left, top = where or ((canvas.shape[1] - box) // 2, max(0, (canvas.shape[0] - tall) // 2))
    area = canvas[top : top + tall, left : left + box]
    np.multiply(area, SHADE, out=area, casting="unsafe")
    for number, row in enumerate(rows):
        x = left + pad
        for column, (text, colour) in enumerate(row):
            fitting = _shorten(text, size, left + box - pad - x)
            _text(canvas, fitting, (x, top + step * (number + 1) - round(size * 0.15)), size, colour)
            x += widths[column] + size


def _extent(rows: list[list[tuple[str, tuple[int, int, int]]]], size: int) -> tuple[list[int], int, int]:
    """The columns' widths, and the width and height of the box around them."""
    pad, step = round(size * 0.6), round(size * 1.5)
    columns = max(len(row) for row in rows)
    widths = [max(_width(row[c][0], size) for row in rows if c < len(row)) for c in range(columns)]
    return widths, sum(widths) + size * (columns - 1) + 2 * pad, step * len(rows) + pad


def _text_size(canvas: Image) -> int:
    """Pixels: readable from a chair, on any window."""
    return int(max(SMALLEST_TEXT, min(canvas.shape[0] // 32, max(28, canvas.shape[0] // 40))))


@cache
def _font() -> Any:
    return cv2.FontFace("sans")


@lru_cache(maxsize=2048)
def _width(text: str, size: int) -> int:
    return int(cv2.getTextSize((1, 1), text, (0, 0), _font(), size, 500)[2])


def _folded(text: str, size: int, room: int, gap: str = GAP) -> list[str]:
    """In as many lines as it takes, divided between two things."""
    lines = [""]
    for part in text.split(gap):
        longer = lines[-1] + gap * bool(lines[-1]) + part
        if lines[-1] and _width(longer, size) > room:
            lines.append(part)
        else:
            lines[-1] = longer
    return lines


def _shorten(text: str, size: int, room: int) -> str:
    if _width(text, size) <= room:
        return text
    while text and _width(text + "…", size) > room:
        text = text[:-1]
    return text + "…"


def _text(canvas: Image, text: str, where: tuple[int, int], size: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(canvas, text, where, colour, _font(), size, 500)
