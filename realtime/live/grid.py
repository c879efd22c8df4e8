"""The sheet of the grid view: the live picture in every style."""

from __future__ import annotations

import time

import numpy as np

from realtime.frame import Image
from realtime.imaging import resize
from realtime.live.layout import square_layout
from realtime.stylizer.library import Library
from realtime.stylizer.look import Look, one_style
from realtime.stylizer.stylizer import Stylizer

MAX_TILE_HEIGHT = 240  # pixels; enough to see what a style does
SHEET_SECONDS = 0.1  # time to stylize tiles for one sheet; the other tiles are stylized for the next sheets
MIN_TILE_SIDE = 16  # pixels


class Grid:
    """A sheet of small stylized pictures, one a style: all new where the machine is fast enough, else some in turn."""

    def __init__(self, stylizer: Stylizer) -> None:
        self.stylizer = stylizer
        self._library = stylizer.library
        self.layout = square_layout(len(self._library.styles))
        self._sheet: Image = np.zeros((0, 0, 3), np.uint8)
        self._next = 0  # number of the tile to stylize next
        self._outdated = 0  # number of tiles that show an older picture or look

    @property
    def complete(self) -> bool:
        """Whether every tile shows the newest picture and look, and every style has one."""
        return self._outdated <= 0 and self._library is self.stylizer.library

    def invalidate(self) -> None:
        """Have every tile stylized anew: the picture or the look has changed."""
        self._outdated = self.layout.count

    def stylize(self, image: Image, look: Look) -> Image:
        """Return the sheet with as many tiles stylized anew as there is time for, one at least.

        image: [H, W, 3]. look: its strength and colours hold for every tile. Returns a new array.
        """
        if self._library is not self.stylizer.library:
            self._use_library(self.stylizer.library)
        rows = min(MAX_TILE_HEIGHT, image.shape[0])
        tile = max(MIN_TILE_SIDE, rows * image.shape[1] // image.shape[0]), max(MIN_TILE_SIDE, rows)
        small = resize(image, tile)
        size = (tile[1] * self.layout.rows, tile[0] * self.layout.columns, 3)
        if self._sheet.shape != size:
            self._sheet = np.zeros(size, np.uint8)
            for number in range(self.layout.count):
                self._put(number, small // 3)  # a dark original until the tile is stylized
        deadline = time.perf_counter() + SHEET_SECONDS
        for _ in range(self.layout.count):
            model, style = self._library.styles[self._next]
            weights = one_style(model, style).weights
            strength = look.strength or 1.0  # at strength 0 all tiles would look the same
            tile_look = Look(model, weights, strength, look.keep_colors)
            self._put(self._next, self.stylizer.stylize_at(small, tile, tile_look))
            self._next = (self._next + 1) % self.layout.count
            self._outdated -= 1
            if time.perf_counter() > deadline:
                break
        return self._sheet.copy()

    def _use_library(self, library: Library) -> None:
        """Have the tiles of another library's styles; the sheet is drawn anew where there are more or fewer."""
        if len(library.styles) != self.layout.count:
            self.layout, self._next = square_layout(len(library.styles)), 0
            self._sheet = np.zeros((0, 0, 3), np.uint8)
        self._library = library
        self.invalidate()

    def _put(self, number: int, tile: Image) -> None:
        height, width = self._sheet.shape[:2]
        left, top, right, bottom = self.layout.cell(number, width, height)
        self._sheet[top:bottom, left:right] = tile
