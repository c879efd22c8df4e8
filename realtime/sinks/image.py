"""Image files, written: stills and animations."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.errors import OutputError
from realtime.frame import Animation, Image, StillImage
from realtime.imaging import lay_on_white, to_8bit
from realtime.sinks.output_file import OutputFile

_ENCODER_OPTIONS = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
    ".png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
}
ANIMATION_SUFFIXES = (".png", ".webp")
_OPAQUE_SUFFIXES = (".jpg", ".jpeg")
_SIXTEEN_BIT_SUFFIXES = (".png", ".tif", ".tiff")


def notes_for(output: OutputFile, still: StillImage) -> list[str]:
    """Return what of the image the output's format cannot keep, for the user."""
    suffix = output.path.suffix.lower()
    notes = []
    if still.alpha is not None and suffix in _OPAQUE_SUFFIXES:
        notes.append("JPEG holds no transparency: it is laid on white")
    if (still.exif or still.icc) and suffix in (".tif", ".tiff"):
        notes.append("EXIF and colour profile are left out: TIFF is written without")
    return notes


def write_animation(output: OutputFile, images: list[Image], animation: Animation) -> None:
    """Write an animation's stylized frames, [H, W, 3] each, with its transparency and times. Raises OutputError."""
    suffix = output.path.suffix.lower()
    alphas = [still.alpha for still in animation.pictures]
    if any(alpha is not None for alpha in alphas):
        opaque = np.full(images[0].shape[:2], 255, np.uint8)
        images = [np.dstack([i, opaque if a is None else to_8bit(a)]) for i, a in zip(images, alphas, strict=True)]
    encoded = cv2.Animation()
    encoded.frames, encoded.durations, encoded.loop_count = images, animation.durations, animation.loops
    try:
        succeeded, data = cv2.imencodeanimation(suffix, encoded, _ENCODER_OPTIONS[suffix])
    except cv2.error as error:
        raise OutputError(f"{output.path} cannot be written: {error.err}") from error
    _finish(output, succeeded, data)


def write_image(output: OutputFile, image: Image, still: StillImage) -> None:
    """Write a stylized image, [H, W, 3], with the original's transparency, profile and EXIF. Raises OutputError."""
    suffix = output.path.suffix.lower()
    alpha = still.alpha
    pixels: NDArray[Any] = image
    if alpha is not None and suffix in _OPAQUE_SUFFIXES:
        pixels = lay_on_white(image, to_8bit(alpha))
    elif still.high_bit_depth and suffix in _SIXTEEN_BIT_SUFFIXES:
        channels = image if alpha is None else np.dstack([image, to_8bit(alpha)])
        pixels = channels.astype(np.uint16) * 257
        if alpha is not None and alpha.dtype == np.uint16:
            pixels[:, :, 3] = alpha
    elif alpha is not None:
        pixels = np.dstack([image, to_8bit(alpha)])
    chunks = [(cv2.IMAGE_METADATA_EXIF, still.exif), (cv2.IMAGE_METADATA_ICCP, still.icc)]
    chunks = [(kind, data) for kind, data in chunks if data and suffix not in (".tif", ".tiff")]
    try:
        kinds, blocks = [kind for kind, _ in chunks], [np.frombuffer(data, np.uint8) for _, data in chunks]
        succeeded, data = cv2.imencodeWithMetadata(suffix, pixels, kinds, blocks, _ENCODER_OPTIONS.get(suffix, []))
    except cv2.error as error:
        raise OutputError(f"{output.path} cannot be written: {error.err}") from error
    _finish(output, succeeded, data)


def _finish(output: OutputFile, succeeded: bool, data: NDArray[Any]) -> None:
    """Write the encoded data to the output and finish it. Raises OutputError."""
    if not succeeded:
        raise OutputError(f"{output.path} cannot be written as {output.path.suffix.lower()}")
    try:
        output.part.write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError(f"{output.path}: {error.strerror or error}") from error
    output.finish()
