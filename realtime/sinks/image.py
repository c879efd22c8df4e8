"""Pictures, written."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.errors import OutputError
from realtime.frame import Animation, Image, StillImage
from realtime.imaging import to_8bit
from realtime.sinks.output_file import OutputFile

_OPTIONS = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
    ".png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
}
MOVING = (".png", ".webp")  # hold animations
_NO_ALPHA = (".jpg", ".jpeg")
_DEEP = (".png", ".tif", ".tiff")  # hold 16 bits a channel


def notes_for(target: OutputFile, still: StillImage) -> list[str]:
    """What will be lost."""
    suffix = target.path.suffix.lower()
    notes = []
    if still.alpha is not None and suffix in _NO_ALPHA:
        notes.append("JPEG holds no transparency: it is laid on white")
    if (still.exif or still.icc) and suffix in (".tif", ".tiff"):
        notes.append("EXIF and colour profile are left out: TIFF is written without")
    return notes


def write_animation(target: OutputFile, images: list[Image], animation: Animation) -> None:
    """Write the painted pictures of an animation, with its transparency and its times. Raises OutputError."""
    suffix = target.path.suffix.lower()
    alphas = [still.alpha for still in animation.pictures]
    if any(alpha is not None for alpha in alphas):
        whole = np.full(images[0].shape[:2], 255, np.uint8)
        images = [np.dstack([i, whole if a is None else to_8bit(a)]) for i, a in zip(images, alphas, strict=True)]
    moving = cv2.Animation()
    moving.frames, moving.durations, moving.loop_count = images, animation.durations, animation.loops
    try:
        done, data = cv2.imencodeanimation(suffix, moving, _OPTIONS[suffix])
    except cv2.error as error:
        raise OutputError(f"{target.path} cannot be written: {error.err}") from error
    _finish(target, done, data)


def write_image(target: OutputFile, image: Image, still: StillImage) -> None:
    """Write a painted picture with the original's transparency, profile and EXIF. Raises OutputError."""
    suffix = target.path.suffix.lower()
    alpha = still.alpha
    pixels: NDArray[Any] = image
    if alpha is not None and suffix in _NO_ALPHA:
        share = to_8bit(alpha)[:, :, None].astype(np.float32) / 255
        pixels = np.asarray(image * share + 255 * (1 - share) + 0.5, np.uint8)
    elif still.deep and suffix in _DEEP:
        layers = image if alpha is None else np.dstack([image, to_8bit(alpha)])
        pixels = layers.astype(np.uint16) * 257
        if alpha is not None and alpha.dtype == np.uint16:
            pixels[:, :, 3] = alpha
    elif alpha is not None:
        pixels = np.dstack([image, to_8bit(alpha)])
    chunks = [(cv2.IMAGE_METADATA_EXIF, still.exif), (cv2.IMAGE_METADATA_ICCP, still.icc)]
    chunks = [(kind, data) for kind, data in chunks if data and suffix not in (".tif", ".tiff")]
    try:
        kinds, blocks = [kind for kind, _ in chunks], [np.frombuffer(data, np.uint8) for _, data in chunks]
        done, data = cv2.imencodeWithMetadata(suffix, pixels, kinds, blocks, _OPTIONS.get(suffix, []))
    except cv2.error as error:
        raise OutputError(f"{target.path} cannot be written: {error.err}") from error
    _finish(target, done, data)


def _finish(target: OutputFile, done: bool, data: NDArray[Any]) -> None:
    if not done:
        raise OutputError(f"{target.path} cannot be written as {target.path.suffix.lower()}")
    try:
        target.part.write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError(f"{target.path}: {error.strerror or error}") from error
    target.finish()
