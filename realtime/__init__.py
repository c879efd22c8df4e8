"""Live neural style transfer.

from realtime import Stylizer
"""

from __future__ import annotations

from realtime.errors import StylizeError
from realtime.stylizer import Stylizer

__all__ = ["StylizeError", "Stylizer"]
