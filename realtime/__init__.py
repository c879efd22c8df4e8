"""Live neural style transfer: stylizes cameras, streams, videos and images.

Example:
    >>> from realtime import Stylizer
    >>> with Stylizer("starry_night") as stylizer:
    ...     stylized = stylizer.stylize(image)
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from realtime.system import environment  # noqa: F401 - before anything that loads OpenCV

if TYPE_CHECKING:
    __version__: str
    from realtime.errors import StylizeError as StylizeError
    from realtime.live.pipeline import Live as Live
    from realtime.live.state import StylizedFrame as StylizedFrame
    from realtime.live.view import View as View
    from realtime.sources.opening import open_live_source as open_live_source
    from realtime.stylizer.look import Look as Look
    from realtime.stylizer.look import parse_look as parse_look
    from realtime.stylizer.smoothing import TemporalSmoother as TemporalSmoother
    from realtime.stylizer.style_track import StyleTrack as StyleTrack
    from realtime.stylizer.style_track import read_style_track as read_style_track
    from realtime.stylizer.stylizer import Stylizer as Stylizer

logging.getLogger(__name__).addHandler(logging.NullHandler())  # else Python prints warnings where no handler is set

_MODULES = {
    "Live": "live.pipeline",
    "Look": "stylizer.look",
    "StyleTrack": "stylizer.style_track",
    "StylizeError": "errors",
    "StylizedFrame": "live.state",
    "Stylizer": "stylizer.stylizer",
    "TemporalSmoother": "stylizer.smoothing",
    "View": "live.view",
    "open_live_source": "sources.opening",
    "parse_look": "stylizer.look",
    "read_style_track": "stylizer.style_track",
}
__all__ = [*_MODULES]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: `--help` and shell completion need none of them."""
    if name == "__version__":
        return _version()
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def _version() -> str:
    """Return the version of the installed package."""
    from importlib.metadata import PackageNotFoundError, version  # takes 13 ms

    try:
        return version("realtime-stylize")
    except PackageNotFoundError:
        return "unknown"
