"""Pictures that move: animated PNG and WebP, every one of their pictures whole."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from realtime.errors import SourceError
from realtime.frame import Animation, StillImage
from realtime.imaging import to_8bit
from realtime.sources.image import PIXEL_LIMIT, dimensions, split_layers

_PNG = b"\x89PNG\r\n\x1a\n"


def moving_pictures(data: bytes) -> int:
    """How many pictures a PNG or WebP says that it has, as an animation; 0 where it is none."""
    if data[:8] == _PNG and 8 <= (at := data[: data.find(b"IDAT")].find(b"acTL")) <= len(data) - 8:
        return int(struct.unpack_from(">I", data, at + 4)[0])
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and data[20:21] and data[20] & 2:
        return data.count(b"ANMF")
    return 0


def decode_animation(path: Path, data: bytes) -> Animation | None:
    """The animation in a file that has been read, or None where it stands still. Raises SourceError in one line."""
    count = moving_pictures(data)
    if count < 2:
        return None
    width, height = dimensions(data)
    if width * height * count > PIXEL_LIMIT:
        raise SourceError(
            f"{path} has {count} pictures of {width} x {height}: more than {PIXEL_LIMIT >> 20} million pixels; "
            "turn it into a film first"
        )
    try:
        done, found = cv2.imdecodeanimation(np.frombuffer(data, np.uint8))
    except cv2.error:
        done = False
    if not done or not len(found.frames):
        raise SourceError(f"{path} is damaged, or not an animation of a known kind")
    pictures = []
    for raw in found.frames:
        colours, alpha = split_layers(np.asarray(raw))
        pictures.append(StillImage(to_8bit(colours), alpha))
    few = len(pictures) < count
    losses = [f"damaged: only {len(pictures)} of {count} pictures could be decoded"] if few else []
    return Animation(pictures, [int(ms) for ms in np.asarray(found.durations).ravel()], int(found.loop_count), losses)
