"""What is drawn over the picture: figures, help, messages. Text is OpenCV 5's own, Unicode included."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

from realtime.frame import Image
from realtime.keys import BINDINGS

WHITE = (245, 245, 245)
GREY = (185, 185, 185)
AMBER = (80, 190, 255)  # BGR


@dataclass(frozen=True)
class Figures:
    """What the HUD shows. latency: capture to display, seconds; size: (width, height) painted at."""

    fps: float
    latency: float
    dropped: int
    provider: str
    why: str
    size: tuple[int, int]
    style: str


def draw_hud(canvas: Image, figures: Figures) -> None:
    """The figures, top left."""
    width, height = figures.size
    lines = [
        (figures.style, WHITE),
        (f"{figures.fps:.1f} fps   {figures.latency * 1000:.0f} ms   {figures.dropped} dropped", WHITE),
        (f"{width} × {height}   {figures.provider.upper()}: {figures.why}", GREY),
    ]
    size = _text_size(canvas)
    gap = round(size * 0.6)
    _panel(canvas, (gap, gap), [[line] for line in lines], size)


def draw_help(canvas: Image) -> None:
    """Every key, in the middle."""
    size = _text_size(canvas)
    rows = [[(binding.shown, AMBER), (binding.help, WHITE)] for binding in BINDINGS]
    _panel(canvas, None, rows, size)


def draw_message(canvas: Image, text: str) -> None:
    """A line at the bottom, for a moment: the style chosen, the snapshot saved."""
    size = _text_size(canvas)
    width = _width(text, size)
    where = (max(0, (canvas.shape[1] - width) // 2 - size), canvas.shape[0] - 3 * size)
    _panel(canvas, where, [[(text, WHITE)]], size)


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
) -> None:
    """Rows of columns on a darkened box at `where` (left, top), or in the middle."""
    columns = max(len(row) for row in rows)
    pad, step = round(size * 0.6), round(size * 1.5)
    room = canvas.shape[1] - 4 * pad
    widths = [max(_width(row[c][0], size) for row in rows) for c in range(columns)]
    box = min(sum(widths) + size * (columns - 1), room) + 2 * pad
    tall = step * len(rows) + pad
    left, top = where or ((canvas.shape[1] - box) // 2, max(0, (canvas.shape[0] - tall) // 2))
    area = canvas[top : top + tall, left : left + box]
    np.multiply(area, 0.4, out=area, casting="unsafe")
    for number, row in enumerate(rows):
        x = left + pad
        for column, (text, colour) in enumerate(row):
            fitting = _shorten(text, size, left + box - pad - x)
            _text(canvas, fitting, (x, top + step * (number + 1) - round(size * 0.25)), size, colour)
            x += widths[column] + size


def _text_size(canvas: Image) -> int:
    """Pixels: readable from a chair, on any window."""
    return int(max(12, min(28, canvas.shape[0] // 32)))


@cache
def _font() -> Any:
    return cv2.FontFace("sans")


@cache
def _width(text: str, size: int) -> int:
    return int(cv2.getTextSize((1, 1), text, (0, 0), _font(), size, 500)[2])


def _shorten(text: str, size: int, room: int) -> str:
    if _width(text, size) <= room:
        return text
    while text and _width(text + "…", size) > room:
        text = text[:-1]
    return text + "…"


def _text(canvas: Image, text: str, where: tuple[int, int], size: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(canvas, text, where, colour, _font(), size, 500)
