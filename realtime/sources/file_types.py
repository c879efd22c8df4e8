"""Which file names are pictures and which are videos."""

from __future__ import annotations

from pathlib import Path

WRITABLE_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
IMAGE_SUFFIXES = (*WRITABLE_IMAGE_SUFFIXES, ".apng", ".bmp", ".jp2", ".avif")
# Pictures that OpenCV does not read.
UNREADABLE_IMAGE_SUFFIXES = (".heic", ".heif", ".dng", ".cr2", ".nef", ".arw", ".psd", ".svg", ".pdf")
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp",
    ".ogv", ".vob", ".gif",
)  # fmt: skip


def is_image(path: Path) -> bool:
    """Whether that name is a picture's."""
    return path.suffix.lower() in IMAGE_SUFFIXES
