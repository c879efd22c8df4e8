"""Resizing, letterboxing, orientation and bit depth of pictures."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image

Scalar = TypeVar("Scalar", bound=np.generic)

STRETCH_TOLERANCE = 0.05  # share of a side that an image is stretched by: stylized sizes are multiples of 8


def letterbox_area(image: Image, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return where an image lies in a letterbox of `size` (width, height): as large as its shape allows.

    Returns:
        (left, top, width, height) in pixels.
    """
    factor = min(size[0] / image.shape[1], size[1] / image.shape[0])
    scaled = [max(1, round(side * factor)) for side in (image.shape[1], image.shape[0])]
    width, height = (
        full if full - side <= full * STRETCH_TOLERANCE else side for side, full in zip(scaled, size, strict=True)
    )
    return (size[0] - width) // 2, (size[1] - height) // 2, width, height


def letterbox(image: Image, size: tuple[int, int]) -> Image:
    """Return the image scaled into `size` (width, height), with black bars where the shapes differ.

    Args:
        image: [h, w, 3] uint8.
        size: (width, height) of the result.

    Returns:
        [height, width, 3] uint8: the image itself if it has that size already.
    """
    if image.shape[:2] == (size[1], size[0]):
        return image
    left, top, width, height = letterbox_area(image, size)
    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)
    if (width, height) == size:
        return scaled
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    canvas[top : top + height, left : left + width] = scaled
    return canvas


def resize(image: Image, size: tuple[int, int]) -> Image:
    """Return the image [h, w, 3] or [h, w] stretched to `size` (width, height), or itself if it has that size."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    shrinks = size[0] * size[1] < image.shape[0] * image.shape[1]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8)


def to_8bit(raw: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return an array as uint8: from uint16, from floats of 0 to 1, or a uint8 array itself."""
    if raw.dtype == np.uint8:
        return np.asarray(raw, np.uint8)
    if raw.dtype == np.uint16:
        return np.asarray((raw.astype(np.uint32) + 128) // 257, np.uint8)
    return np.asarray(np.clip(raw.astype(np.float32), 0, 1) * 255 + 0.5, np.uint8)


def apply_orientation(image: NDArray[Scalar], orientation: int) -> NDArray[Scalar]:
    """Return the image [H, W, ...] upright. orientation: one of EXIF's, 1 to 8."""
    return reorient(image, orientation >= 5, orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7))


def reorient(image: NDArray[Scalar], transpose: bool, flip_rows: bool, flip_columns: bool) -> NDArray[Scalar]:
    """Return a contiguous image [H, W, ...], its rows and columns swapped first and then flipped, as asked for."""
    if transpose:
        image = image.swapaxes(0, 1)
    return np.ascontiguousarray(image[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1])


def lay_on_white(image: Image, alpha: NDArray[np.uint8]) -> Image:
    """Return the image [H, W, 3] over white, where its alpha [H, W] lets that through."""
    opacity = alpha[:, :, None].astype(np.float32) / 255
    return np.asarray(image * opacity + 255 * (1 - opacity) + 0.5, np.uint8)
