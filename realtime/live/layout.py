"""Composition of several pictures into one: the split view, and the cells of the grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

from realtime.frame import Image
from realtime.imaging import resize


def split_view(original: Image, stylized: Image, seam: float) -> Image:
    """Return the original left of the seam and the stylized picture right of it, at the original's size.

    Both pictures are [H, W, 3]. seam: 0 to 1 of the width.
    """
    height, width = original.shape[:2]
    column = min(width, max(0, round(seam * width)))
    joined = resize(stylized, (width, height))
    joined = joined.copy() if joined is stylized else joined
    joined[:, :column] = original[:, :column]
    return joined


@dataclass(frozen=True)
class Layout:
    """Equal cells, row by row, in a picture of any size. count: number of cells in use."""

    count: int
    columns: int
    rows: int

    def cell(self, number: int, width: int, height: int) -> tuple[int, int, int, int]:
        """Return a cell's (left, top, right, bottom) in a picture of that size, in pixels."""
        row, column = divmod(number, self.columns)
        left, right = (round(width * c / self.columns) for c in (column, column + 1))
        top, bottom = (round(height * r / self.rows) for r in (row, row + 1))
        return left, top, right, bottom

    def at(self, x: float, y: float) -> int | None:
        """Return the number of the cell in use at that point, or None. x, y: 0 to 1 of the picture."""
        if not (0 <= x < 1 and 0 <= y < 1):
            return None
        number = int(y * self.rows) * self.columns + int(x * self.columns)
        return number if number < self.count else None


def square_layout(count: int) -> Layout:
    """Return the layout nearest to a square, so that the sheet has about the shape of one picture."""
    columns = math.ceil(math.sqrt(count))
    return Layout(count, columns, math.ceil(count / columns))
