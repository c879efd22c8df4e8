"""Pictures of any shape into one of a given size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image

CLOSE = 0.05  # of a side: sizes painted at are multiples of 8, and therefore a little off


def place(picture: Image, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Where the picture lies in `size` (width, height) when it fills as much as its shape allows.

    Returns (left, top, width, height) in pixels.
    """
    factor = min(size[0] / picture.shape[1], size[1] / picture.shape[0])
    inner = [max(1, round(side * factor)) for side in (picture.shape[1], picture.shape[0])]
    width, height = (full if full - side <= full * CLOSE else side for side, full in zip(inner, size, strict=True))
    return (size[0] - width) // 2, (size[1] - height) // 2, width, height


def letterbox(picture: Image, size: tuple[int, int]) -> Image:
    """The picture, scaled into `size` (width, height), with black bars where the shapes differ.

    Returns [height, width, 3] uint8: the picture itself, where it has that size already, else a new array.
    """
    if picture.shape[:2] == (size[1], size[0]):
        return picture
    left, top, width, height = place(picture, size)
    method = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)
    if (width, height) == size:
        return scaled
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    canvas[top : top + height, left : left + width] = scaled
    return canvas


def resize(image: Image, size: tuple[int, int]) -> Image:
    """The image [H, W, 3] at that (width, height); itself where it has it."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    shrinks = size[0] * size[1] < image.shape[0] * image.shape[1]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8)


def to_8bit(raw: NDArray[np.generic]) -> NDArray[np.uint8]:
    """As uint8, from uint16 or from floats of 0 to 1; a uint8 array itself."""
    if raw.dtype == np.uint8:
        return np.asarray(raw, np.uint8)
    if raw.dtype == np.uint16:
        return np.asarray((raw.astype(np.uint32) + 128) // 257, np.uint8)
    return np.asarray(np.clip(raw.astype(np.float32), 0, 1) * 255 + 0.5, np.uint8)
