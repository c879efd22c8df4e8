"""Pictures from files: upright, with their transparency, colour profile and EXIF."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.errors import SourceError
from realtime.frame import StillImage
from realtime.imaging import to_8bit

PIXEL_LIMIT = 256 << 20  # a file of a few bytes can claim any size
_ORIENTATION = 0x0112
_THUMBNAIL = 0x0201, 0x0202  # where it begins, and its length in bytes


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises SourceError in one line."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error


def read_image(path: Path) -> StillImage:
    """Read a picture and set it upright. Raises SourceError in one line."""
    return decode_image(path, read_bytes(path))


def decode_image(path: Path, data: bytes) -> StillImage:
    """The same of a file that has been read; of an animation its first picture."""
    width, height = dimensions(data)
    if width * height > PIXEL_LIMIT:
        raise SourceError(f"{path} claims to be {width} x {height}: more than {PIXEL_LIMIT >> 20} million pixels")
    try:
        raw, kinds, chunks = cv2.imdecodeWithMetadata(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        raw, kinds, chunks = None, (), ()
    if raw is None or not raw.size:
        raise SourceError(f"{path} is damaged, or not a picture of a known kind")
    notes = []
    if raw.dtype != np.uint8:
        notes.append("its colours have more than 8 bits; it is painted from 8")
    found = {int(kind): bytes(np.asarray(chunk).tobytes()) for kind, chunk in zip(kinds, chunks, strict=False)}
    exif, icc = without_thumbnail(found.get(cv2.IMAGE_METADATA_EXIF, b"")), found.get(cv2.IMAGE_METADATA_ICCP, b"")
    place, turn = _orientation(exif)
    if place is not None:
        raw = upright(np.asarray(raw), turn)
        exif = exif[:place] + (b"\1\0" if _little(exif) else b"\0\1") + exif[place + 2 :]
    colours, alpha = split_layers(np.asarray(raw))
    icc = icc if icc[16:20] == b"RGB " else b""
    return StillImage(to_8bit(colours), alpha, raw.dtype == np.uint16, exif, icc, notes)


def upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo one of EXIF's eight orientations."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(image[::rows, ::columns])


def dimensions(data: bytes) -> tuple[int, int]:
    """(width, height) by the head of a PNG, JPEG, WebP or TIFF; (0, 0) for others, which OpenCV limits itself."""
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return struct.unpack(">II", data[16:24])
        if data[:2] == b"\xff\xd8":
            return _jpeg_dimensions(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp_dimensions(data)
        if data[:4] in (b"II*\0", b"MM\0*"):
            tags = _tags(data, 0)
            return tags[256][1], tags[257][1]
    except (struct.error, IndexError, KeyError):
        pass
    return 0, 0


def _jpeg_dimensions(data: bytes) -> tuple[int, int]:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", data, at + 2)[0]
    return 0, 0


def _webp_dimensions(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def without_thumbnail(exif: bytes) -> bytes:
    """The EXIF without its second directory, which has a small picture of what was there before it was painted."""
    start = _start(exif)
    try:
        order = {b"II": "<", b"MM": ">"}[exif[start : start + 2]]
        (directory,) = struct.unpack_from(order + "I", exif, start + 4)
        (count,) = struct.unpack_from(order + "H", exif, start + directory)
        link = start + directory + 2 + 12 * count
        (second,) = struct.unpack_from(order + "I", exif, link)
        if not second:
            return exif
        place, length = (_tags(exif, start, second)[tag][1] for tag in _THUMBNAIL)
    except (struct.error, IndexError, KeyError):
        return exif
    blank = exif[:link] + bytes(4) + exif[link + 4 :]
    at = start + place
    return blank[:at] + bytes(len(blank[at : at + length])) + blank[at + length :]


def _little(exif: bytes) -> bool:
    return exif[_start(exif) :][:2] == b"II"


def _start(exif: bytes) -> int:
    return 6 if exif[:6] == b"Exif\0\0" else 0


def _orientation(exif: bytes) -> tuple[int | None, int]:
    """Where it stands in the EXIF, and what it says; (None, 1) where it says nothing."""
    try:
        place, value = _tags(exif, _start(exif))[_ORIENTATION]
    except (struct.error, IndexError, KeyError):
        return None, 1
    return (place, value) if 1 <= value <= 8 else (None, 1)


def _tags(data: bytes, start: int, directory: int | None = None) -> dict[int, tuple[int, int]]:
    """The numbers in a directory of a TIFF structure, the first one: by tag, where each stands and what it is."""
    order = {b"II": "<", b"MM": ">"}[data[start : start + 2]]
    if directory is None:
        (directory,) = struct.unpack_from(order + "I", data, start + 4)
    (count,) = struct.unpack_from(order + "H", data, start + directory)
    found = {}
    for entry in range(start + directory + 2, start + directory + 2 + 12 * count, 12):
        tag, kind, _ = struct.unpack_from(order + "HHI", data, entry)
        if kind in (3, 4):  # SHORT, LONG
            found[tag] = entry + 8, struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)[0]
    return found


def split_layers(raw: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """[H, W, 3] BGR and what it hides, [H, W], both as deep as they are; floats hide in bytes."""
    channels = 1 if raw.ndim == 2 else raw.shape[2]
    alpha = np.ascontiguousarray(raw[:, :, -1]) if channels in (2, 4) else None
    if alpha is not None:
        alpha = alpha if alpha.dtype == np.uint16 else to_8bit(alpha)
        alpha = None if alpha.min() == np.iinfo(alpha.dtype).max else alpha
    if channels <= 2:
        return cv2.cvtColor(np.ascontiguousarray(raw.reshape(*raw.shape[:2], -1)[:, :, 0]), cv2.COLOR_GRAY2BGR), alpha
    return np.ascontiguousarray(raw[:, :, :3]), alpha
