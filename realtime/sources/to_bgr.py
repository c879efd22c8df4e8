"""Convert decoded frames to what the rest of the program works with: BGR, 8 bits, upright."""

from __future__ import annotations

import re
from typing import Any, cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from realtime.frame import Colour, Image
from realtime.imaging import reorient

_BIT_DEPTH = re.compile(r"(?<=p)(9|1\d)(le|be)$")  # yuv420p10le


class ToBgr:
    """Converts the frames of one video by the properties of its first frame.

    colour: the video's colour description. transposed: whether rows and columns are swapped.
    high_bit_depth: whether it has more than 8 bits a component. has_alpha: whether it has an alpha channel.
    """

    def __init__(self, first: VideoFrame) -> None:
        self._size = (first.width, first.height)
        self._rotation = _read_rotation(first)
        self._reformatter, self._depth_reformatter = VideoReformatter(), VideoReformatter()
        self.colour = _read_colour(first)
        self.transposed = self._rotation[0]
        self.has_alpha = len(first.format.components) in (2, 4) or first.format.name == "pal8"
        self._alpha_reformatter = VideoReformatter()
        self.high_bit_depth = max((component.bits for component in first.format.components), default=8) > 8

    def __call__(self, frame: VideoFrame) -> Image:
        """Return the frame as [H, W, 3] uint8. Raises FFmpegError or ValueError if it cannot be converted."""
        width, height = self._size
        colour = self.colour
        matrix, levels = None, None
        if not frame.format.is_rgb:
            matrix, levels = colour.swscale_matrix(height), 2 if colour.is_full_range else 1
        eight_bit_format = _BIT_DEPTH.sub("", frame.format.name)
        # Reducing to 8 bits first keeps swscale off its code path for high bit depths, which smears the colours.
        if eight_bit_format != frame.format.name:
            frame = self._depth_reformatter.reformat(frame, width, height, eight_bit_format)
        bgr = self._reformatter.reformat(
            frame, width, height, "bgr24",
            src_colorspace=matrix, src_color_range=levels, dst_color_range=2,
        )  # fmt: skip
        return reorient(np.asarray(bgr.to_ndarray(), np.uint8), *self._rotation)

    def alpha(self, frame: VideoFrame) -> NDArray[np.uint8] | None:
        """Return the frame's transparency, [H, W] uint8, or None if it has no alpha channel. Raises as `__call__`."""
        if not self.has_alpha:
            return None
        bgra = self._alpha_reformatter.reformat(frame, *self._size, "bgra").to_ndarray()
        return reorient(np.asarray(bgra[:, :, 3], np.uint8), *self._rotation)


def _read_colour(frame: VideoFrame) -> Colour:
    full = frame.color_range == 2 or frame.format.name.startswith("yuvj")
    if frame.format.is_rgb:  # RGB is written as YUV, for which a matrix has to be chosen and stored
        return Colour(1, int(frame.color_primaries), int(frame.color_trc), 1 if frame.height >= 720 else 6)
    levels = 2 if full else int(frame.color_range)
    return Colour(levels, int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace))


def _read_rotation(frame: VideoFrame) -> tuple[bool, bool, bool]:
    """Return what makes the frame upright: (transpose, then flip the rows, flip the columns).

    The display matrix (nine 16.16 integers) maps a point (x, y) to (a x + c y, b x + d y).
    """
    data = cast("Any", frame.side_data).get("DISPLAYMATRIX")
    if data is None:
        return False, False, False
    a, b, _, c, d = (int(v) for v in np.frombuffer(bytes(data), np.int32)[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, d < 0, a < 0
    return True, b < 0, c < 0
