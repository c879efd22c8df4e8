"""Read animated PNG and WebP files, with every frame whole."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from realtime.errors import SourceError
from realtime.frame import Animation, StillImage
from realtime.imaging import to_8bit
from realtime.sources.image import image_size, split_alpha
from realtime.sources.image_metadata import PNG_SIGNATURE, read_metadata
from realtime.sources.limits import require_size

_WEBP_ANIMATION_FLAG = 2


def count_animation_frames(data: bytes) -> int:
    """Return how many frames a PNG or WebP declares as an animation; 0 if it is none."""
    if data.startswith(PNG_SIGNATURE):
        offset = data[: data.find(b"IDAT")].find(b"acTL")
        if 8 <= offset <= len(data) - 8:
            return int(struct.unpack_from(">I", data, offset + 4)[0])
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and data[20:21] and data[20] & _WEBP_ANIMATION_FLAG:
        return data.count(b"ANMF")
    return 0


def decode_animation(path: Path, data: bytes) -> Animation | None:
    """Decode the content of an animated file; return None if it has one frame. Raises SourceError, in one line."""
    count = count_animation_frames(data)
    if count < 2:
        return None
    width, height = image_size(data)
    require_size(path, width, height, count)
    try:
        succeeded, decoded = cv2.imdecodeanimation(np.frombuffer(data, np.uint8))
    except cv2.error:
        succeeded = False
    if not succeeded or not len(decoded.frames):
        raise SourceError(f"{path} is damaged, or not an animation of a known kind")
    frames = []
    for raw in decoded.frames:
        colours, alpha = split_alpha(np.asarray(raw))
        frames.append(StillImage(to_8bit(colours), alpha))
    losses = []
    if len(frames) < count:
        losses.append(f"damaged: only {len(frames)} of {count} pictures could be decoded")
    durations = [int(ms) for ms in np.asarray(decoded.durations).ravel()]
    return Animation(frames, durations, int(decoded.loop_count), losses, read_metadata(data))
