"""The split view, and the cells of the grid."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.live.layout import split_view, square_layout


@pytest.mark.parametrize(("seam", "column"), [(0.0, 0), (0.25, 80), (1.0, 320), (-1, 0), (7, 320)])
def test_split_view_has_original_left_of_seam(seam: float, column: int) -> None:
    original, stylized = np.zeros((240, 320, 3), np.uint8), np.full((120, 160, 3), 200, np.uint8)
    joined = split_view(original, stylized, seam)
    assert joined.shape == original.shape
    assert (joined[:, :column] == 0).all() and (joined[:, column:] == 200).all()


def test_split_view_leaves_stylized_picture_unchanged() -> None:
    original, stylized = np.zeros((240, 320, 3), np.uint8), np.full((240, 320, 3), 200, np.uint8)
    split_view(original, stylized, 0.5)
    assert (stylized == 200).all()


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (6, 3, 2), (9, 3, 3), (18, 5, 4)])
def test_cells_of_square_layout_are_found_by_their_centres(count: int, columns: int, rows: int) -> None:
    layout = square_layout(count)
    assert (layout.columns, layout.rows) == (columns, rows)
    for number in range(count):
        left, top, right, bottom = layout.cell(number, 641, 479)
        assert layout.at((left + right) / 2 / 641, (top + bottom) / 2 / 479) == number
    outside = [(-0.1, 0.5), (0.5, 1.0), (1.2, 0.2)]
    assert all(layout.at(x, y) is None for x, y in outside)
    if count == 18:
        assert layout.at(0.99, 0.99) is None, "an empty cell"
