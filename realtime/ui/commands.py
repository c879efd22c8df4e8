"""What can be asked for: by a key, by a slider."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.stylizer.look import LIMITS
from realtime.ui.keys import ActionCommand

# What a slider sets, and from where to where: the look's dials, the share of the style held, the split view's seam.
RANGES = {**LIMITS, "share": (0.0, 1.0), "seam": (0.0, 1.0)}


@dataclass(frozen=True)
class SetValue:
    """Set that dial, a key of RANGES, to that value."""

    dial: str
    value: float


Command = ActionCommand | SetValue
