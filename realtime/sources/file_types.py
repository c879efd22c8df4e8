"""What a file is: an image, a video or neither, by its first bytes, by what FFmpeg finds in it, and last by its suffix.

To add a file type, add its suffix here, and for an image what its bytes begin with. How an image is encoded is chosen
in `sinks/image.py`; the containers that videos are written to, and their codecs, are in `sinks/codecs.py`.
"""

from __future__ import annotations

import os
import re
import stat
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, cast

from realtime.errors import SourceError

WRITABLE_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
# What cannot be told by its content (or has none) is what its suffix says.
READABLE_IMAGE_SUFFIXES = (
    *WRITABLE_IMAGE_SUFFIXES, ".apng", ".jpe", ".jfif", ".jif", ".mpo", ".bmp", ".dib", ".avif", ".jp2", ".j2k", ".jls",
    ".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".pfm", ".phm", ".hdr", ".exr", ".dpx", ".ras", ".sun", ".sgi", ".tga",
    ".pcx", ".qoi", ".psd", ".ico", ".xbm", ".xwd", ".dds", ".fits",
)  # fmt: skip
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".qt", ".f4v", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".m2v",
    ".ts", ".mts", ".m2ts", ".vob", ".wmv", ".asf", ".flv", ".mxf", ".ogv", ".rm", ".dv", ".y4m", ".ivf", ".nut",
    ".gif",
)  # fmt: skip
# Raw photos begin like TIFF files, and hold a thumbnail that would be taken for the picture.
RAW_PHOTO_SUFFIXES = (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2")
UNREADABLE_IMAGE_SUFFIXES = (*RAW_PHOTO_SUFFIXES, ".heic", ".heif", ".jxl", ".svg", ".pdf")

_HEAD_BYTES = 4096
_IMAGE_STARTS = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cjP  ", b"#?RADIANCE", b"#?RGBE", b"PF\n", b"Pf\n", b"PH\n", b"Ph\n", b"\x59\xa6\x6a\x95",
    b"v/1\x01", b"SDPX", b"XPDS", b"qoif", b"8BPS", b"\x01\xda", b"\0\0\x01\0", b"DDS ", b"SIMPLE  =",
)  # fmt: skip
_UNREADABLE_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL ", b"%PDF-")
_PNM = re.compile(rb"P[1-7]\s")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_STILL_FORMATS = ("image2", "ico", "alias_pix", "brender_pix", "fits")  # FFmpeg's demuxers of single images
_TEXT_FORMATS = ("tty",)  # FFmpeg draws text files as videos


class FileKind(Enum):
    """What a file is for this program."""

    IMAGE = "image"
    VIDEO = "video"
    UNREADABLE_IMAGE = "image of a type that cannot be read"
    OTHER = "other"


def is_image(path: Path) -> bool:
    """Return whether the file is a readable image; any other file is opened as a video."""
    return file_kind(path) is FileKind.IMAGE


def file_kind(path: Path) -> FileKind:
    """Return what a file is; by its suffix alone if it cannot be read or has no content."""
    suffix = path.suffix.lower()
    head = _read_head(path)
    if head.startswith(b"GIF8"):
        return FileKind.VIDEO if _has_two_gif_frames(path) else FileKind.IMAGE
    if _is_image_head(head) and suffix not in RAW_PHOTO_SUFFIXES:
        return FileKind.IMAGE
    if head.startswith(_UNREADABLE_STARTS) or (head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS):
        return FileKind.UNREADABLE_IMAGE
    is_text = bool(head) and b"\0" not in head and not head.startswith(b"YUV4MPEG2")
    if suffix in VIDEO_SUFFIXES and not (is_text and suffix == ".ts"):  # TypeScript, and translations for Qt
        return FileKind.VIDEO
    if suffix in UNREADABLE_IMAGE_SUFFIXES:
        return FileKind.UNREADABLE_IMAGE
    found = FileKind.OTHER if is_text or not head else _probe(path)
    return FileKind.IMAGE if found is FileKind.OTHER and suffix in READABLE_IMAGE_SUFFIXES else found


def require_file(path: Path) -> None:
    """Raise SourceError unless the path leads to a file with an end: no folder, no pipe and no device."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error
    if stat.S_ISDIR(mode):
        raise SourceError(f"{path} is a folder")
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise SourceError(f"{path} is a pipe, which can only be written to a file, with -o")
    if not stat.S_ISREG(mode):
        raise SourceError(f"{path} is a device, not a file; --camera {path} opens a camera")


def _read_head(path: Path) -> bytes:
    """Return the first bytes of a file; none of a pipe or device, which would block or lose them."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def _is_image_head(head: bytes) -> bool:
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    if head[4:8] == b"ftyp":
        size = int.from_bytes(head[:4], "big")
        return head[8:12] != b"avis" and b"avif" in head[8:size]
    if head[:2] == b"BM":  # the size of its header follows; any text may begin so
        return head[15:18] == b"\0\0\0"
    return head.startswith(_IMAGE_STARTS) or _PNM.match(head) is not None or head.startswith(b"#define ")


def _has_two_gif_frames(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _count_gif_frames(file, 2) == 2
    except (OSError, IndexError):
        return False


def _count_gif_frames(file: BinaryIO, limit: int) -> int:
    """Return how many frames a GIF file has, at most `limit`. Raises IndexError where it is cut off."""
    flags = file.read(13)[10]
    file.seek(3 << (flags & 7) + 1 if flags & 0x80 else 0, os.SEEK_CUR)  # the palette
    frames = 0
    while frames < limit:
        block = file.read(1)
        if block == b",":  # a frame
            frames += 1
            flags = file.read(9)[8]
            file.seek((3 << (flags & 7) + 1 if flags & 0x80 else 0) + 1, os.SEEK_CUR)
        elif block == b"!":  # an extension
            file.seek(1, os.SEEK_CUR)
        else:
            break
        while size := file.read(1)[0]:  # its data
            file.seek(size, os.SEEK_CUR)
    return frames


def _probe(path: Path) -> FileKind:
    """Return what FFmpeg finds in a file."""
    import av  # imported here so that the command starts sooner
    from av.stream import Disposition

    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
            name = container.format.name
            if name in _TEXT_FORMATS or not any(cast("Any", stream.codec_context) is not None for stream in streams):
                return FileKind.OTHER
            return FileKind.IMAGE if name.endswith("_pipe") or name in _STILL_FORMATS else FileKind.VIDEO
    except (av.error.FFmpegError, OSError, ValueError):
        return FileKind.OTHER
