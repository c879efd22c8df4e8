"""How pictures stand in the window: the original beside its painting, and every style at once."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from realtime.frame import Image
from realtime.imaging import resize
from realtime.stylizer.look import Look, one_style
from realtime.stylizer.stylizer import Stylizer

TILE_ROWS = 240  # at most: enough to see what a style does
SHEET_SECONDS = 0.1  # of painting before a sheet is shown: tiles that did not fit into it come with the next


def split(original: Image, painted: Image, seam: float) -> Image:
    """The original left of the seam, the painting right of it, at the original's size. seam: 0 to 1, of the width."""
    height, width = original.shape[:2]
    column = min(width, max(0, round(seam * width)))
    joined = resize(painted, (width, height))
    joined = joined.copy() if joined is painted else joined
    joined[:, :column] = original[:, :column]
    return joined


@dataclass(frozen=True)
class Layout:
    """Equal cells, row by row, in a picture of any size. count: of the cells in use."""

    count: int
    columns: int
    rows: int

    def cell(self, number: int, width: int, height: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of that one in a picture of that size."""
        row, column = divmod(number, self.columns)
        left, right = (round(width * c / self.columns) for c in (column, column + 1))
        top, bottom = (round(height * r / self.rows) for r in (row, row + 1))
        return left, top, right, bottom

    def at(self, x: float, y: float) -> int | None:
        """The cell in use at that point, both 0 to 1."""
        if not (0 <= x < 1 and 0 <= y < 1):
            return None
        number = int(y * self.rows) * self.columns + int(x * self.columns)
        return number if number < self.count else None


def layout(count: int) -> Layout:
    """As square as it gets: the sheet then has about the shape of the picture."""
    columns = math.ceil(math.sqrt(count))
    return Layout(count, columns, math.ceil(count / columns))


class Grid:
    """Every style at once, painted small on the live picture: all tiles where the machine can, else some in turn."""

    def __init__(self, stylizer: Stylizer) -> None:
        self.stylizer = stylizer
        self.layout = layout(len(stylizer.library.styles))
        self._sheet: Image = np.zeros((0, 0, 3), np.uint8)
        self._next = 0  # tile
        self._left = 0  # tiles not painted since what they show has changed

    @property
    def whole(self) -> bool:
        """Whether every tile shows the picture painted last, as it was asked for."""
        return self._left <= 0

    def changed(self) -> None:
        """Another picture, or another look: every tile has to be painted anew."""
        self._left = self.layout.count

    def stylize(self, image: Image, look: Look) -> Image:
        """The sheet of tiles with as many of them painted anew as there is time for, one at least.

        image: [H, W, 3]; look: its strength and colours hold for all. Returns a new array.
        """
        rows = min(TILE_ROWS, image.shape[0])
        tile = max(16, rows * image.shape[1] // image.shape[0]), max(16, rows)
        small = resize(image, tile)
        size = (tile[1] * self.layout.rows, tile[0] * self.layout.columns, 3)
        if self._sheet.shape != size:
            self._sheet = np.zeros(size, np.uint8)
            for number in range(self.layout.count):
                self._put(number, small // 3)  # until it is painted
        until = time.perf_counter() + SHEET_SECONDS
        for _ in range(self.layout.count):
            model, style = self.stylizer.library.styles[self._next]
            weights = one_style(model, style).weights
            strength = look.strength or 1.0  # a menu of originals would be none
            this = Look(model, weights, strength, look.keep_colors)
            self._put(self._next, self.stylizer.stylize_at(small, tile, this))
            self._next = (self._next + 1) % self.layout.count
            self._left -= 1
            if time.perf_counter() > until:
                break
        return self._sheet.copy()

    def _put(self, number: int, tile: Image) -> None:
        height, width = self._sheet.shape[:2]
        left, top, right, bottom = self.layout.cell(number, width, height)
        self._sheet[top:bottom, left:right] = tile
