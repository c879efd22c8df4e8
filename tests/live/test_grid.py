"""The sheet of the grid view."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from realtime import Stylizer
from realtime.frame import Image
from realtime.live.grid import Grid
from realtime.stylizer.library import Library


def test_sheet_shows_every_style_in_its_tile(library: Library, photo: Image) -> None:
    image = np.ascontiguousarray(photo[:240, :320])
    with Stylizer(library=library, provider="cpu") as stylizer:
        grid = Grid(stylizer)
        grid.invalidate()
        assert not grid.complete
        while not grid.complete:
            sheet = grid.stylize(image, stylizer.look)
        for number, (_, style) in enumerate(library.styles):
            left, top, right, bottom = grid.layout.cell(number, sheet.shape[1], sheet.shape[0])
            weights = tuple(float(row == style.row) for row in range(len(library.styles)))
            alone = stylizer.stylize(image, replace(stylizer.look, weights=weights))
            assert (sheet[top:bottom, left:right] == alone).all(), style.name


def test_slow_machine_stylizes_one_tile_a_sheet(
    library: Library, photo: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.live.grid.SHEET_SECONDS", 0.0)
    image = np.ascontiguousarray(photo[:64, :64])
    with Stylizer(library=library, provider="cpu") as stylizer:
        grid = Grid(stylizer)
        grid.invalidate()
        sheets = [grid.stylize(image, stylizer.look) for _ in library.styles]
        assert grid.complete
    for number, (one, other) in enumerate(pairwise(sheets), 1):
        left, top, right, bottom = grid.layout.cell(number, one.shape[1], one.shape[0])
        changed = (one != other).any(axis=2)
        assert changed[top:bottom, left:right].any()
        changed[top:bottom, left:right] = False
        assert not changed.any(), "only one tile at a time"


def test_sheet_has_the_tiles_of_another_library(library: Library, photo: Image) -> None:
    image = np.ascontiguousarray(photo[:64, :64])
    with Stylizer(library=library, provider="cpu") as stylizer:
        grid = Grid(stylizer)
        grid.invalidate()
        while not grid.complete:
            grid.stylize(image, stylizer.look)
        smaller = Library(library.models)
        smaller.styles = library.styles[:4]
        stylizer.use_library(smaller)
        assert not grid.complete
        while not grid.complete:
            sheet = grid.stylize(image, stylizer.look)
        assert grid.layout.count == 4 and sheet.shape == (128, 128, 3)
