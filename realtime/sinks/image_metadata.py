"""Metadata of image files, written into what OpenCV has encoded."""

from __future__ import annotations

import struct
import zlib

from realtime.frame import ImageMetadata

_INCH = 0.0254  # m
_PNG_HEAD_BYTES = 33  # signature and IHDR
_MAX_SEGMENT_BYTES = 65_533  # of the content of a segment of JPEG
_XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
_DIRECTORY_OFFSET_PLACE = 4  # in a TIFF
_BYTE, _UNDEFINED = 1, 7  # types of TIFF values
_XMP_TAG, _ICC_TAG = 700, 34675


def add_png_metadata(data: bytes, metadata: ImageMetadata) -> bytes:
    """Return a PNG, which may be animated, with all metadata."""
    chunks = metadata.png_chunks
    if metadata.resolution is not None and b"pHYs" not in chunks:
        dots = (round(value / _INCH) for value in metadata.resolution)
        chunks += _png_chunk(b"pHYs", struct.pack(">IIB", *dots, 1))
    if metadata.icc:
        chunks += _png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.exif:
        chunks += _png_chunk(b"eXIf", metadata.exif.removeprefix(b"Exif\0\0"))
    if metadata.xmp:
        chunks += _png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    return data[:_PNG_HEAD_BYTES] + chunks + data[_PNG_HEAD_BYTES:]


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def add_jpeg_segments(data: bytes, metadata: ImageMetadata) -> bytes:
    """Return a JPEG, which begins with a JFIF segment, with its resolution and the segments of the original."""
    if data[6:11] != b"JFIF\0":
        return data
    end = 4 + int.from_bytes(data[4:6], "big")
    head = data[:end]
    if metadata.resolution is not None:
        dots = (min(65535, max(1, round(value))) for value in metadata.resolution)
        head = data[:13] + struct.pack(">BHH", 1, *dots) + data[18:end]
    segments = metadata.jpeg_segments
    if 0 < len(metadata.xmp) <= _MAX_SEGMENT_BYTES - len(_XMP_NAME):
        size = 2 + len(_XMP_NAME) + len(metadata.xmp)
        segments = struct.pack(">BBH", 0xFF, 0xE1, size) + _XMP_NAME + metadata.xmp + segments
    return head + segments + data[end:]


def add_tiff_tags(data: bytes, metadata: ImageMetadata) -> bytes:
    """Return a TIFF as OpenCV writes it, little-endian and with one directory, with more tags: XMP, profile, texts."""
    added = dict(metadata.tiff_tags)
    if metadata.xmp:
        added[_XMP_TAG] = (_BYTE, metadata.xmp)
    if metadata.icc:
        added[_ICC_TAG] = (_UNDEFINED, metadata.icc)
    if not added or not data.startswith(b"II*\0"):
        return data
    (directory,) = struct.unpack_from("<I", data, _DIRECTORY_OFFSET_PLACE)
    (count,) = struct.unpack_from("<H", data, directory)
    entries = {}
    for place in range(directory + 2, directory + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", data, place)
        entries[tag] = data[place : place + 12]
    tail = data
    for tag, (kind, content) in added.items():
        if tag in entries:
            continue
        value = content.ljust(4, b"\0")
        if len(content) > 4:
            tail += bytes(len(tail) % 2)
            value = struct.pack("<I", len(tail))
            tail += content
        entries[tag] = struct.pack("<HHI", tag, kind, len(content)) + value
    tail += bytes(len(tail) % 2)
    new_directory = struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    return tail[:4] + struct.pack("<I", len(tail)) + tail[8:] + new_directory
