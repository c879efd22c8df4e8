"""The views that the window, outputs and pages can show."""

from __future__ import annotations

from enum import Enum


class View(Enum):
    """A way to show stylized frames.

    Attributes:
        STYLIZED: The stylized picture alone.
        SPLIT: The original left of a seam, the stylized picture right of it.
        GRID: The picture in every style, as a sheet of tiles.

    Example:
        >>> live.state.view = View.SPLIT
    """

    STYLIZED = "painted"
    SPLIT = "split"
    GRID = "grid"
