"""Image files, written: stills and animations."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.errors import OutputError
from realtime.frame import Animation, Image, ImageMetadata, StillImage
from realtime.imaging import lay_on_white, to_8bit
from realtime.sinks.image_metadata import add_jpeg_segments, add_png_metadata, add_tiff_tags
from realtime.sinks.output_file import OutputFile

_ENCODER_OPTIONS = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
    ".png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
}
_ADD_METADATA = {
    ".jpg": add_jpeg_segments,
    ".jpeg": add_jpeg_segments,
    ".png": add_png_metadata,
    ".tif": add_tiff_tags,
    ".tiff": add_tiff_tags,
}
ANIMATION_SUFFIXES = (".png", ".webp")
_OPAQUE_SUFFIXES = (".jpg", ".jpeg")
_TIFF_SUFFIXES = (".tif", ".tiff")
_SIXTEEN_BIT_SUFFIXES = (".png", *_TIFF_SUFFIXES)


def notes_for(output: OutputFile, still: StillImage) -> list[str]:
    """Return what of the image the output's format cannot keep, for the user."""
    suffix = output.path.suffix.lower()
    notes = []
    if still.alpha is not None and suffix in _OPAQUE_SUFFIXES:
        notes.append("JPEG holds no transparency: it is laid on white")
    return notes


def write_animation(output: OutputFile, images: list[Image], animation: Animation) -> bytes:
    """Write an animation's stylized frames, [H, W, 3] each, with its transparency and times; return the file's content.

    Raises OutputError.
    """
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
    return _finish(output, succeeded, data, animation.metadata)


def write_image(output: OutputFile, image: Image, still: StillImage) -> bytes:
    """Write a stylized image, [H, W, 3], with the original's transparency and metadata; return the file's content.

    Raises OutputError.
    """
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
    metadata = still.metadata
    chunks = [
        (cv2.IMAGE_METADATA_EXIF, metadata.exif),
        (cv2.IMAGE_METADATA_XMP, metadata.xmp if suffix == ".webp" else b""),  # into JPEG without its name
        (cv2.IMAGE_METADATA_ICCP, metadata.icc),
    ]
    chunks = [(kind, data) for kind, data in chunks if data and suffix in (".jpg", ".jpeg", ".webp")]
    options = _ENCODER_OPTIONS.get(suffix, [])
    if metadata.resolution is not None and suffix in _TIFF_SUFFIXES:
        x, y = (max(1, round(value)) for value in metadata.resolution)
        options = [cv2.IMWRITE_TIFF_RESUNIT, 2, cv2.IMWRITE_TIFF_XDPI, x, cv2.IMWRITE_TIFF_YDPI, y]
    try:
        kinds, blocks = [kind for kind, _ in chunks], [np.frombuffer(data, np.uint8) for _, data in chunks]
        succeeded, data = cv2.imencodeWithMetadata(suffix, pixels, kinds, blocks, options)
    except cv2.error as error:
        raise OutputError(f"{output.path} cannot be written: {error.err}") from error
    return _finish(output, succeeded, data, metadata)


def _finish(output: OutputFile, succeeded: bool, encoded: NDArray[Any], metadata: ImageMetadata) -> bytes:
    """Write the encoded data to the output, with the metadata, and finish it; return it. Raises OutputError."""
    suffix = output.path.suffix.lower()
    if not succeeded:
        raise OutputError(f"{output.path} cannot be written as {suffix}")
    data = encoded.tobytes()
    if suffix in _ADD_METADATA:
        data = _ADD_METADATA[suffix](data, metadata)
    try:
        output.part.write_bytes(data)
    except OSError as error:
        raise OutputError(f"{output.path}: {error.strerror or error}") from error
    output.finish()
    return data
