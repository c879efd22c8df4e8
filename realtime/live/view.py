"""What the window can show."""

from __future__ import annotations

from enum import Enum


class View(Enum):
    """The painting alone, beside its original, or every style at once."""

    PAINTED = "painted"
    SPLIT = "split"
    GRID = "grid"
