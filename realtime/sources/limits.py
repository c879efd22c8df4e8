"""The limit on the size of pictures, which holds before anything is decoded."""

from __future__ import annotations

from realtime.errors import SourceError

MAX_PIXELS = 256 << 20  # of an image; a file of a few bytes can declare any size. OpenCV's is in system/environment.py
MAX_VIDEO_PIXELS = 128 << 20  # of a frame, of which a dozen are in memory
# FFmpeg's option for it, of containers and of codecs.
DECODER_LIMIT = {"max_pixels": str(MAX_PIXELS)}
VIDEO_DECODER_LIMIT = {"max_pixels": str(MAX_VIDEO_PIXELS)}


def require_size(name: object, width: int, height: int, count: int = 1) -> None:
    """Raise SourceError if so many pictures of that size are more than MAX_PIXELS. name: of the file, for the error."""
    if width * height * count <= MAX_PIXELS:
        return
    what = f"claims to be {width} x {height}" if count == 1 else f"has {count} pictures of {width} x {height}"
    advice = "" if count == 1 else "; turn it into a film first"
    raise SourceError(f"{name} {what}: more than {MAX_PIXELS >> 20} million pixels{advice}")
