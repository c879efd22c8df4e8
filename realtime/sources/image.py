"""Read image files: upright, with their transparency, colour profile and EXIF."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.errors import SourceError
from realtime.frame import StillImage
from realtime.imaging import apply_orientation, to_8bit
from realtime.sources.file_types import require_file
from realtime.sources.limits import MAX_PIXELS, require_size
from realtime.sources.rare_images import decode_rare_image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BYTE_ORDERS = {b"II": "<", b"MM": ">"}  # byte orders of TIFF structures, such as EXIF
_WIDTH_TAG, _HEIGHT_TAG, _ORIENTATION_TAG = 0x0100, 0x0101, 0x0112
_THUMBNAIL_OFFSET_TAG, _THUMBNAIL_LENGTH_TAG = 0x0201, 0x0202
_SHORT, _LONG = 3, 4  # types of TIFF entries


def read_bytes(path: Path) -> bytes:
    """Read a whole file. Raises SourceError, in one line."""
    require_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error


def read_image(path: Path) -> StillImage:
    """Read an image and set it upright. Raises SourceError, in one line."""
    return decode_image(path, read_bytes(path))


def decode_image(path: Path, data: bytes) -> StillImage:
    """Decode the content of an image file and set it upright; of an animation the first frame. Raises SourceError."""
    require_size(path, *image_size(data))
    try:
        raw, kinds, chunks = cv2.imdecodeWithMetadata(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if "MAX_IMAGE_PIXELS" in str(error):
            raise SourceError(f"{path} claims to have more than {MAX_PIXELS >> 20} million pixels") from None
        raw, kinds, chunks = None, (), ()
    if raw is None or not raw.size:
        raw = decode_rare_image(path, data)
    if raw is None:
        raise SourceError(f"{path} is damaged, or not a picture of a known kind")
    raw = np.asarray(raw)
    if raw.dtype == np.float64:
        raw = raw.astype(np.float32)
    if raw.dtype not in (np.uint8, np.uint16, np.float32):
        raise SourceError(f"{path} has samples of type {raw.dtype}, not of 8 or 16 bits: save it as such first")
    notes = []
    if raw.dtype != np.uint8:
        notes.append("its colours have more than 8 bits; it is painted from 8")
    if raw.dtype == np.float32 and not 0 <= float(raw.min()) <= float(raw.max()) <= 1:
        notes.append("it has colours darker than black or brighter than white, which are cut off")
    metadata = {int(kind): bytes(np.asarray(chunk).tobytes()) for kind, chunk in zip(kinds, chunks, strict=False)}
    exif = strip_thumbnail(metadata.get(cv2.IMAGE_METADATA_EXIF, b""))
    icc = metadata.get(cv2.IMAGE_METADATA_ICCP, b"")
    offset, orientation = _find_orientation(exif)
    if offset is not None:
        raw = apply_orientation(raw, orientation)
        is_little_endian = exif[_tiff_start(exif) :][:2] == b"II"
        exif = exif[:offset] + (b"\1\0" if is_little_endian else b"\0\1") + exif[offset + 2 :]
    colours, alpha = split_alpha(raw)
    icc = icc if icc[16:20] == b"RGB " else b""
    return StillImage(to_8bit(colours), alpha, raw.dtype == np.uint16, exif, icc, notes)


def image_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) from the header of a PNG, JPEG, WebP or TIFF; (0, 0) for others, which OpenCV limits."""
    try:
        if data.startswith(PNG_SIGNATURE):
            return struct.unpack(">II", data[16:24])
        if data[:2] == b"\xff\xd8":
            return _jpeg_size(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp_size(data)
        if data[:4] in (b"II*\0", b"MM\0*"):
            tags = _read_tags(data, 0)
            return tags[_WIDTH_TAG][1], tags[_HEIGHT_TAG][1]
    except (struct.error, IndexError, KeyError):
        pass
    return 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    offset = 2
    while data[offset] == 0xFF:
        marker = data[offset + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = struct.unpack_from(">HH", data, offset + 5)
            return width, height
        offset += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", data, offset + 2)[0]
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def strip_thumbnail(exif: bytes) -> bytes:
    """Return the EXIF without its second directory, whose thumbnail shows the image before it was stylized."""
    start = _tiff_start(exif)
    try:
        order, directory, count = _read_directory(exif, start)
        link = directory + 2 + 12 * count
        (second,) = struct.unpack_from(order + "I", exif, link)
        if not second:
            return exif
        tags = _read_tags(exif, start, second)
        offset, length = tags[_THUMBNAIL_OFFSET_TAG][1], tags[_THUMBNAIL_LENGTH_TAG][1]
    except (struct.error, IndexError, KeyError):
        return exif
    unlinked = exif[:link] + bytes(4) + exif[link + 4 :]
    offset += start
    return unlinked[:offset] + bytes(len(unlinked[offset : offset + length])) + unlinked[offset + length :]


def _tiff_start(exif: bytes) -> int:
    return 6 if exif[:6] == b"Exif\0\0" else 0


def _find_orientation(exif: bytes) -> tuple[int | None, int]:
    """Return the offset of the orientation in the EXIF and its value; (None, 1) if there is none."""
    try:
        offset, value = _read_tags(exif, _tiff_start(exif))[_ORIENTATION_TAG]
    except (struct.error, IndexError, KeyError):
        return None, 1
    return (offset, value) if 1 <= value <= 8 else (None, 1)


def _read_directory(data: bytes, start: int, directory: int | None = None) -> tuple[str, int, int]:
    """Return (byte order, offset in `data`, number of entries) of a TIFF directory, by default the first."""
    order = _BYTE_ORDERS[data[start : start + 2]]
    if directory is None:
        (directory,) = struct.unpack_from(order + "I", data, start + 4)
    (count,) = struct.unpack_from(order + "H", data, start + directory)
    return order, start + directory, count


def _read_tags(data: bytes, start: int, directory: int | None = None) -> dict[int, tuple[int, int]]:
    """Return the integers in a TIFF directory, by default the first: by tag, (offset in `data`, value)."""
    order, offset, count = _read_directory(data, start, directory)
    tags = {}
    for entry in range(offset + 2, offset + 2 + 12 * count, 12):
        tag, kind, _ = struct.unpack_from(order + "HHI", data, entry)
        if kind in (_SHORT, _LONG):
            (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), data, entry + 8)
            tags[tag] = entry + 8, value
    return tags


def split_alpha(raw: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Split a decoded image into colours [H, W, 3] BGR, with its dtype, and transparency [H, W], uint8 or uint16.

    The transparency is None where it hides nothing.
    """
    channels = 1 if raw.ndim == 2 else raw.shape[2]
    alpha = np.ascontiguousarray(raw[:, :, -1]) if channels in (2, 4) else None
    if alpha is not None:
        alpha = alpha if alpha.dtype == np.uint16 else to_8bit(alpha)
        alpha = None if alpha.min() == np.iinfo(alpha.dtype).max else alpha
    if channels <= 2:
        return cv2.cvtColor(np.ascontiguousarray(raw.reshape(*raw.shape[:2], -1)[:, :, 0]), cv2.COLOR_GRAY2BGR), alpha
    return np.ascontiguousarray(raw[:, :, :3]), alpha
