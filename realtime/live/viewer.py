"""What is on show: the newest stylized frame in the current view."""

from __future__ import annotations

from realtime.frame import Image
from realtime.live.outputs import Outputs
from realtime.live.pipeline import Live
from realtime.live.state import StylizedFrame
from realtime.live.view import View

SILENCE_SECONDS = 2.0  # after this time without a frame the screen reports it
SILENCE_FRAMES = 3  # slow sources are reported only after the time of this many frames


class Viewer:
    """Holds the newest stylized frame and passes it, composed for the current view, to the outputs.

    current: None until the first frame has come. seam: of the split view, 0 to 1 of the picture's width.
    Its methods are called on the main thread; other threads may read its attributes.
    """

    def __init__(self, live: Live, outputs: Outputs) -> None:
        self.live, self.outputs = live, outputs
        self.current: StylizedFrame | None = None
        self.seam = 0.5
        self._passed_on: tuple[StylizedFrame | None, View, float] = (None, live.state.view, self.seam)

    def take(self, timeout: float) -> bool:
        """Wait for a newer frame, at most `timeout` seconds; return whether one has come."""
        frame = self.live.stylized.take(timeout)
        if frame is not None:
            self.current = frame
        return frame is not None

    def picture(self) -> Image | None:
        """Return the current frame in the current view: [H, W, 3], or None before the first frame."""
        return self.current.compose(self.live.state.view, self.seam) if self.current is not None else None

    def show(self) -> Image | None:
        """Return the picture, and pass it to the outputs unless they have been given exactly this one already."""
        if self.current is None:
            return None
        picture = self.picture()
        frame, *view = self._passed_on
        if picture is not None and (frame is not self.current or view != [self.live.state.view, self.seam]):
            self.outputs.show(picture, self.current.frame.captured)
            self._passed_on = (self.current, self.live.state.view, self.seam)
        return picture

    def no_signal_reason(self) -> str:
        """Return why no frames come, or "" while they do."""
        live = self.live
        if live.source.state != "live":
            return live.source.reason or "the camera is gone; trying again"
        slow = SILENCE_FRAMES * live.source.interval
        seconds = live.clock.now() - live.last_frame_time
        return f"{live.source.name} sends nothing" if seconds > max(SILENCE_SECONDS, slow) else ""
