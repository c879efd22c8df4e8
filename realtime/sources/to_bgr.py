"""A decoded picture as the rest of the line has it: BGR, 8 bits, upright."""

from __future__ import annotations

import re
from typing import Any, cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from realtime.frame import Colour, Image

_MORE_BITS = re.compile(r"(?<=p)(9|1\d)(le|be)$")  # yuv420p10le


class ToBgr:
    """Turns the pictures of one film; its first one says how.

    colour: what the film's numbers mean. sideways: rows and columns change places. deep: more than 8 bits a colour.
    """

    def __init__(self, first: VideoFrame) -> None:
        self._size = (first.width, first.height)
        self._turn = _turn(first)
        self._reformatter, self._narrower = VideoReformatter(), VideoReformatter()
        self.colour = _colour(first)
        self.sideways = self._turn[0]
        self.deep = max((c.bits for c in first.format.components), default=8) > 8

    def __call__(self, picture: VideoFrame) -> Image:
        """Give [H, W, 3] uint8. Raises FFmpegError or ValueError where that cannot be."""
        width, height = self._size
        colour = self.colour
        matrix, levels = (None, None) if picture.format.is_rgb else (colour.swscale(height), 2 if colour.full else 1)
        eight = _MORE_BITS.sub("", picture.format.name)
        if eight != picture.format.name:  # first to 8 bits, or swscale smears the colours: another path than for 8
            picture = self._narrower.reformat(picture, width, height, eight)
        bgr = self._reformatter.reformat(
            picture, width, height, "bgr24",
            src_colorspace=matrix, src_color_range=levels, dst_color_range=2,
        )  # fmt: skip
        image = np.asarray(bgr.to_ndarray(), np.uint8)
        swap, flip_rows, flip_columns = self._turn
        image = image.swapaxes(0, 1) if swap else image
        image = image[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
        return np.ascontiguousarray(image)


def _colour(picture: VideoFrame) -> Colour:
    full = picture.color_range == 2 or picture.format.name.startswith("yuvj")
    if picture.format.is_rgb:  # it becomes YUV, so the matrix has to be chosen, and said
        return Colour(1, int(picture.color_primaries), int(picture.color_trc), 1 if picture.height >= 720 else 6)
    levels = 2 if full else int(picture.color_range)
    return Colour(levels, int(picture.color_primaries), int(picture.color_trc), int(picture.colorspace))


def _turn(picture: VideoFrame) -> tuple[bool, bool, bool]:
    """How to set it upright: swap rows and columns, then flip the rows, flip the columns.

    The display matrix (nine 16.16 integers) maps a point (x, y) to (a x + c y, b x + d y).
    """
    data = cast("Any", picture.side_data).get("DISPLAYMATRIX")
    if data is None:
        return False, False, False
    a, b, _, c, d = (int(v) for v in np.frombuffer(bytes(data), np.int32)[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, d < 0, a < 0
    return True, b < 0, c < 0
