"""What passes between the painting thread and the main thread: pictures one way, what the keys have set the other."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from realtime.frame import Frame, Image
from realtime.live.layout import Layout, split_view
from realtime.live.view import View
from realtime.stylizer.look import Look


@dataclass(frozen=True)
class StylizedFrame:
    """A frame and what became of it. original: as painted from: mirrored, at the camera's size.

    layout: of the tiles, where it is a sheet of every style.
    """

    frame: Frame
    original: Image
    image: Image
    look: Look
    layout: Layout | None = None

    def shown(self, view: View, seam: float = 0.5) -> Image:
        """The picture as that view has it, with nothing drawn over it: [H, W, 3]. seam: as in `views.split`."""
        if view is View.SPLIT and self.layout is None:
            return split_view(self.original, self.image, seam)
        return self.image


class LiveState:
    """What the keys have set. The main thread writes, the painting thread reads."""

    def __init__(self, mirror: bool | None, view: View) -> None:
        self.mirror = mirror  # None: as the source asks for
        self.view = view
        self.frozen = False
        self.hidden = False  # the window is minimised: nothing is painted
        self.touched = threading.Event()  # wakes the painting thread while frozen
