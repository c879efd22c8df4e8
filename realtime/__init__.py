"""Live neural style transfer.

from realtime import Stylizer
"""

from __future__ import annotations

from realtime import environment  # noqa: F401 - before anything that loads OpenCV
from realtime.controls import Painted
from realtime.errors import StylizeError
from realtime.live import Live
from realtime.look import Look, parse_look
from realtime.sources import open_live_source
from realtime.steady import Steady
from realtime.style_track import StyleTrack, read_style_track
from realtime.stylizer import Stylizer
from realtime.views import View

__all__ = [
    "Live",
    "Look",
    "Painted",
    "Steady",
    "StyleTrack",
    "StylizeError",
    "Stylizer",
    "View",
    "open_live_source",
    "parse_look",
    "read_style_track",
]
