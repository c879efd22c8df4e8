"""The alpha channel of videos: kept where the codec has one, else the frames are laid on white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime.frame import VideoFrame
from realtime.imaging import lay_on_white, resize


class AlphaChannel:
    """What becomes of the alpha channel of the frames that are written.

    codec: FFmpeg's name. is_kept: whether the encoder writes an alpha channel.
    is_lost: whether a frame so far hid something that shows now.
    """

    def __init__(self, codec: str, is_kept: bool) -> None:
        self._codec, self.is_kept = codec, is_kept
        self.is_lost = False

    @property
    def note(self) -> str:
        """That the alpha channel is not kept, for the user."""
        return (
            f"its transparency is lost, it is laid on white: {self._codec} holds none; --codec prores and png (.mov), "
            "ffv1 (.mkv) and vp9 (.webm) keep it"
        )

    def pixels(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return the frame as [H, W, 4] BGRA if its alpha channel is kept, else as [H, W, 3] BGR."""
        image = np.ascontiguousarray(frame.image)
        if frame.alpha is None:
            opaque = np.full((*image.shape[:2], 1), 255, np.uint8)
            return np.concatenate([image, opaque], axis=2) if self.is_kept else image
        alpha = resize(frame.alpha, (image.shape[1], image.shape[0]))
        if self.is_kept:
            return np.dstack([image, alpha])
        if int(alpha.min()) == 255:
            return image
        self.is_lost = True
        return lay_on_white(image, alpha)
