from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from realtime import Stylizer
from realtime.frame import Image
from realtime.live.grid import Grid, layout, split
from realtime.stylizer.library import Library


@pytest.mark.parametrize(("seam", "column"), [(0.0, 0), (0.25, 80), (1.0, 320), (-1, 0), (7, 320)])
def test_the_original_is_left_of_the_seam(seam: float, column: int) -> None:
    original, painted = np.zeros((240, 320, 3), np.uint8), np.full((120, 160, 3), 200, np.uint8)
    joined = split(original, painted, seam)
    assert joined.shape == original.shape
    assert (joined[:, :column] == 0).all() and (joined[:, column:] == 200).all()
    same = np.full((240, 320, 3), 200, np.uint8)
    split(original, same, 0.5)
    assert (same == 200).all(), "the painting was changed"


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (6, 3, 2), (9, 3, 3), (18, 5, 4)])
def test_the_cells_cover_the_sheet_and_are_found_again(count: int, columns: int, rows: int) -> None:
    cells = layout(count)
    assert (cells.columns, cells.rows) == (columns, rows)
    for number in range(count):
        left, top, right, bottom = cells.cell(number, 641, 479)
        assert cells.at((left + right) / 2 / 641, (top + bottom) / 2 / 479) == number
    outside = [(-0.1, 0.5), (0.5, 1.0), (1.2, 0.2)]
    assert all(cells.at(x, y) is None for x, y in outside)
    if count == 18:
        assert cells.at(0.99, 0.99) is None, "an empty cell"


def test_every_style_is_in_its_tile(library: Library, photo: Image) -> None:
    image = np.ascontiguousarray(photo[:240, :320])
    with Stylizer(library=library, provider="cpu") as stylizer:
        grid = Grid(stylizer)
        grid.changed()
        assert not grid.whole
        while not grid.whole:
            sheet = grid.stylize(image, stylizer.look)
        for number, (_, style) in enumerate(library.styles):
            left, top, right, bottom = grid.layout.cell(number, sheet.shape[1], sheet.shape[0])
            weights = tuple(float(row == style.row) for row in range(len(library.styles)))
            alone = stylizer.stylize(image, replace(stylizer.look, weights=weights))
            assert (sheet[top:bottom, left:right] == alone).all(), style.name


def test_a_slow_machine_paints_the_tiles_in_turn(
    library: Library, photo: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.live.grid.SHEET_SECONDS", 0.0)
    image = np.ascontiguousarray(photo[:64, :64])
    with Stylizer(library=library, provider="cpu") as stylizer:
        grid = Grid(stylizer)
        grid.changed()
        sheets = [grid.stylize(image, stylizer.look) for _ in library.styles]
        assert grid.whole
    for number, (one, other) in enumerate(pairwise(sheets), 1):
        left, top, right, bottom = grid.layout.cell(number, one.shape[1], one.shape[0])
        changed = (one != other).any(axis=2)
        assert changed[top:bottom, left:right].any()
        changed[top:bottom, left:right] = False
        assert not changed.any(), "only one tile at a time"
