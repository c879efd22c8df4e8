"""Live neural style transfer.

from realtime import Stylizer
"""

from __future__ import annotations

from realtime.errors import StylizeError
from realtime.look import Look
from realtime.steady import Steady
from realtime.stylizer import Stylizer

__all__ = ["Look", "Steady", "StylizeError", "Stylizer"]
