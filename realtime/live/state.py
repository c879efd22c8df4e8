"""What the main thread and the stylizing thread exchange: stylized frames one way, the user's settings the other."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from realtime.frame import Frame, Image
from realtime.live.layout import Layout, split_view
from realtime.live.view import View
from realtime.stylizer.look import Look


@dataclass(frozen=True)
class StylizedFrame:
    """A frame and what it was stylized to.

    Attributes:
        frame: The frame as the source gave it.
        original: What was stylized: the frame's image, mirrored where that is asked for. [H, W, 3] uint8, BGR.
        image: The stylized image, [h, w, 3] uint8, BGR; its size may differ from the original's. In the grid view,
            the sheet with every style.
        look: The look that it was stylized with.
        layout: The cells of the sheet in the grid view, else None.

    Example:
        >>> for stylized in live:
        ...     cv2.imshow("split", stylized.compose(View.SPLIT, seam=0.3))
    """

    frame: Frame
    original: Image
    image: Image
    look: Look
    layout: Layout | None = None

    def compose(self, view: View, seam: float = 0.5) -> Image:
        """Return the picture as a view shows it, without figures over it.

        Args:
            view: `View.SPLIT` puts the original beside the stylized image; other views show the latter.
            seam: Where the split view changes from one to the other, 0 to 1 of the width.

        Returns:
            [H, W, 3] uint8, BGR. Do not change it: it may be `image` itself.
        """
        if view is View.SPLIT and self.layout is None:
            return split_view(self.original, self.image, seam)
        return self.image


class LiveState:
    """Settings of a live run besides the look. The main thread writes them, the stylizing thread reads them."""

    def __init__(self, mirror: bool | None, view: View) -> None:
        self.mirror = mirror  # None: as the source asks for
        self.view = view
        self.frozen = False
        self.hidden = False  # the pictures are not seen: stylizing pauses
        self.changed = threading.Event()  # wakes the stylizing thread while the picture is frozen
