"""A painting that a page has sent: its checks, and the name of its style."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path, PurePath

import cv2

from realtime.errors import UsageError
from realtime.imaging import resize
from realtime.sources.image import decode_image, image_size

MAX_PAINTING_BYTES = 32 << 20
MAX_PAINTING_PIXELS = 64 << 20
MAX_NAME_LENGTH = 36  # characters; a number may follow
DEFAULT_NAME = "painting"
THUMBNAIL_HEIGHT = 120  # pixels
JPEG_QUALITY = 85


def make_painting_thumbnail(name: str, data: bytes) -> bytes:
    """Check that the bytes are a picture, and return it as a small JPEG. name: of the file, for messages.

    Raises UsageError for other kinds of files and too many pixels, SourceError for a damaged one.
    """
    width, height = image_size(data)
    if not width or not height:
        raise UsageError(f"{name} is no JPEG, PNG, WebP or TIFF picture")
    if width * height > MAX_PAINTING_PIXELS:
        limit = MAX_PAINTING_PIXELS >> 20
        raise UsageError(f"{name} is {width} x {height}: more than {limit} million pixels; send a smaller one")
    image = decode_image(Path(name), data).image
    size = max(1, round(image.shape[1] * THUMBNAIL_HEIGHT / image.shape[0])), THUMBNAIL_HEIGHT
    return cv2.imencode(".jpg", resize(image, size), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def style_name(file_name: str, taken: Collection[str]) -> str:
    """Return a style's name for a file's: its letters and digits in lower case, with a number where it is taken."""
    stem = PurePath(file_name.replace("\\", "/")).stem
    ascii_stem = unicodedata.normalize("NFKD", stem.casefold()).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "_", ascii_stem).strip("_")[:MAX_NAME_LENGTH].strip("_") or DEFAULT_NAME
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name
