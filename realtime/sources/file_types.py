"""The table of file suffixes: which files are images, which are videos, and which of them can be read and written.

To add a file type, add its suffix here: folders are searched, files are played and output names are checked by this
table. How an image is encoded is chosen in `sinks/image.py`; the containers that videos are written to, and their
codecs, are in `sinks/codecs.py`.
"""

from __future__ import annotations

from pathlib import Path

WRITABLE_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
READABLE_IMAGE_SUFFIXES = (*WRITABLE_IMAGE_SUFFIXES, ".apng", ".bmp", ".jp2", ".avif")
# OpenCV cannot decode these; they are named in a message when a folder holds some.
UNREADABLE_IMAGE_SUFFIXES = (".heic", ".heif", ".dng", ".cr2", ".nef", ".arw", ".psd", ".svg", ".pdf")
# Only files with these are taken from a folder; a video named by itself may have any suffix that FFmpeg can read.
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp",
    ".ogv", ".vob", ".gif",
)  # fmt: skip
READABLE_SUFFIXES = (*READABLE_IMAGE_SUFFIXES, *VIDEO_SUFFIXES)


def is_image(path: Path) -> bool:
    """Return whether the suffix is that of a readable image; any other file is opened as a video."""
    return path.suffix.lower() in READABLE_IMAGE_SUFFIXES
