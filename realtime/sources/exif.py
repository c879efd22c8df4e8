"""EXIF: its orientation and its thumbnail."""

from __future__ import annotations

import re
import struct

from realtime.sources.tiff import DAMAGED, SHORT, read_directory

ORIENTATION_TAG = 0x0112
_THUMBNAIL_OFFSET_TAG, _THUMBNAIL_LENGTH_TAG = 0x0201, 0x0202
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>\s*))[2-8]")
_XMP_THUMBNAILS = re.compile(rb"<(xmp|xap):Thumbnails>.*?</\1:Thumbnails>", re.DOTALL)
# XMP that says what else lies in the file: a gain map, or a film of the moment. Neither is in the output.
_XMP_OF_APPENDED_FILES = (b"hdr-gain-map", b"Container:Directory", b"MotionPhoto", b"MicroVideo")


def strip_thumbnail(exif: bytes) -> bytes:
    """Return the EXIF without its second directory, whose thumbnail shows the image before it was stylized."""
    start = _tiff_start(exif)
    try:
        first = read_directory(exif, start)
        if not first.next:
            return exif
        thumbnail = read_directory(exif, start, first.next).entries
        offset = start + int(thumbnail[_THUMBNAIL_OFFSET_TAG].number(exif))
        length = int(thumbnail[_THUMBNAIL_LENGTH_TAG].number(exif))
    except DAMAGED:
        return exif
    unlinked = exif[: first.link] + bytes(4) + exif[first.link + 4 :]
    return unlinked[:offset] + bytes(len(unlinked[offset : offset + length])) + unlinked[offset + length :]


def take_orientation(exif: bytes) -> tuple[bytes, int]:
    """Return the EXIF with orientation 1, upright, and the orientation that it had, 1 to 8."""
    try:
        entry = read_directory(exif, _tiff_start(exif)).entries[ORIENTATION_TAG]
        orientation = int(entry.number(exif))
    except DAMAGED:
        return exif, 1
    if not 1 <= orientation <= 8 or entry.type != SHORT:
        return exif, 1
    return exif[: entry.place] + struct.pack(entry.order + "H", 1) + exif[entry.place + 2 :], orientation


def clean_xmp(xmp: bytes) -> bytes:
    """Return XMP that is true of the upright, stylized image: without the original's orientation and thumbnails.

    It is empty where it describes other files that are appended to the image.
    """
    if any(name in xmp for name in _XMP_OF_APPENDED_FILES):
        return b""
    return _XMP_THUMBNAILS.sub(b"", _XMP_ORIENTATION.sub(rb"\g<1>1", xmp))


def _tiff_start(exif: bytes) -> int:
    return 6 if exif[:6] == b"Exif\0\0" else 0
