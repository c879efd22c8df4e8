"""Commands: what a key, a click or a slider asks the program to do."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.live.look_editor import SECOND_SHARE
from realtime.stylizer.look import LOOK_RANGES
from realtime.ui.keys import ActionCommand

SEAM = "seam"
# The ranges of the values that sliders set: fields of the look, the second style's share, the split view's seam.
RANGES = {**LOOK_RANGES, SECOND_SHARE: (0.0, 1.0), SEAM: (0.0, 1.0)}


@dataclass(frozen=True)
class SetValue:
    """Set a value. name: a key of RANGES."""

    name: str
    value: float


Command = ActionCommand | SetValue
