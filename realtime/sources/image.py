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
from realtime.sources import tiff
from realtime.sources.exif import strip_thumbnail, take_orientation
from realtime.sources.file_types import require_file
from realtime.sources.image_metadata import PNG_SIGNATURE, read_metadata
from realtime.sources.limits import MAX_PIXELS, require_size
from realtime.sources.rare_images import decode_rare_image

_WIDTH_TAG, _HEIGHT_TAG = 0x0100, 0x0101  # of TIFF
_LINEAR_STARTS = (b"v/1\x01", b"#?RADIANCE", b"#?RGBE")  # OpenEXR and Radiance


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
    if data.startswith(_LINEAR_STARTS):
        raw = _encode_gamma(raw)
    if data[4:8] == b"ftyp" and raw.dtype == np.uint16:
        raw = _scale_to_16_bits(raw, data)
    if raw.dtype != np.uint8:
        notes.append("its colours have more than 8 bits; it is painted from 8")
    if raw.dtype == np.float32 and not 0 <= float(raw.min()) <= float(raw.max()) <= 1:
        notes.append("it has colours darker than black or brighter than white, which are cut off")
    metadata = {int(kind): bytes(np.asarray(chunk).tobytes()) for kind, chunk in zip(kinds, chunks, strict=False)}
    found = read_metadata(data)
    found.exif, orientation = take_orientation(strip_thumbnail(metadata.get(cv2.IMAGE_METADATA_EXIF, b"")))
    icc = metadata.get(cv2.IMAGE_METADATA_ICCP, found.icc)
    found.icc = icc if icc[16:20] == b"RGB " else b""
    raw = apply_orientation(raw, orientation)
    colours, alpha = split_alpha(raw)
    if raw.ndim == 2 or raw.shape[2] <= 2:
        notes.append("it is gray; it is written in colour")
    return StillImage(to_8bit(colours), alpha, raw.dtype == np.uint16, found, notes)


def _encode_gamma(raw: NDArray[Any]) -> NDArray[Any]:
    """Return linear colours as those of sRGB (IEC 61966-2-1), float32; transparency stays."""
    linear = np.maximum(raw[..., :3].astype(np.float32), 0)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.concatenate([encoded, raw[..., 3:]], axis=-1, dtype=np.float32)


def _scale_to_16_bits(raw: NDArray[Any], data: bytes) -> NDArray[Any]:
    """Return an AVIF of 10 or 12 bits, which OpenCV decodes to numbers of as many bits, with 16 bits."""
    bits = data[data.find(b"pixi") + 9] if b"pixi" in data else 16
    return raw if not 8 < bits < 16 else np.asarray(raw.astype(np.uint32) * 65535 // ((1 << bits) - 1), np.uint16)


def image_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) from the header of a PNG, JPEG, WebP or TIFF; (0, 0) for others, which OpenCV limits."""
    try:
        if data.startswith(PNG_SIGNATURE):
            return struct.unpack(">II", data[16:24])
        if data[:2] == b"\xff\xd8":
            return _jpeg_size(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp_size(data)
        if data[:4] in tiff.STARTS:
            entries = tiff.read_directory(data).entries
            return int(entries[_WIDTH_TAG].number(data)), int(entries[_HEIGHT_TAG].number(data))
    except tiff.DAMAGED:
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
