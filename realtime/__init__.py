"""Live neural style transfer.

from realtime import Stylizer
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from realtime import environment  # noqa: F401 - before anything that loads OpenCV

if TYPE_CHECKING:
    from realtime.controls import Painted as Painted
    from realtime.errors import StylizeError as StylizeError
    from realtime.live import Live as Live
    from realtime.look import Look as Look
    from realtime.look import parse_look as parse_look
    from realtime.sources import open_live_source as open_live_source
    from realtime.steady import Steady as Steady
    from realtime.style_track import StyleTrack as StyleTrack
    from realtime.style_track import read_style_track as read_style_track
    from realtime.stylizer import Stylizer as Stylizer
    from realtime.view import View as View

_HOMES = {
    "Live": "live",
    "Look": "look",
    "Painted": "controls",
    "Steady": "steady",
    "StyleTrack": "style_track",
    "StylizeError": "errors",
    "Stylizer": "stylizer",
    "View": "view",
    "open_live_source": "sources",
    "parse_look": "look",
    "read_style_track": "style_track",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    """Loaded when first asked for: `--help` and a shell's completion need none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
