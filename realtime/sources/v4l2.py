"""What Linux tells about a camera: asked of the kernel, for OpenCV says only that it failed."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

# From <linux/videodev2.h>.
VIDIOC_QUERYCAP = 0x80685600
VIDIOC_REQBUFS = 0xC0145608
_CAPTURE, _CAPTURE_PLANES, _HAS_DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_BUF_CAPTURE, _BUF_CAPTURE_PLANES, _MMAP = 1, 9, 1

METADATA = "gives no pictures, only data about them"


def nodes() -> Iterator[Path]:
    """The video devices, by number. Some of them are no cameras."""
    found = [path for path in Path("/dev").glob("video*") if re.fullmatch(r"video\d+", path.name)]
    yield from sorted(found, key=lambda path: int(path.name[5:]))


def card(path: Path) -> str:
    """The name that the driver gives, or the file's."""
    try:
        name = Path("/sys/class/video4linux", path.name, "name").read_text("utf-8", "replace").strip()
    except OSError:
        name = ""
    return name or path.name


def problem(path: Path) -> str | None:
    """Why nobody can get a picture from `path` now; None if nothing speaks against it."""
    try:
        if not stat.S_ISCHR(path.stat().st_mode):
            return "is not a camera"
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return _refusal(path, error)
    try:
        return _ask(path, handle)
    finally:
        os.close(handle)


def _ask(path: Path, handle: int) -> str | None:
    answer = bytearray(104)
    try:
        fcntl.ioctl(handle, VIDIOC_QUERYCAP, answer)
    except OSError as error:
        return "is not a camera" if error.errno in (errno.ENOTTY, errno.EINVAL) else _refusal(path, error)
    everything, device = struct.unpack_from("=II", answer, 84)
    able = device if everything & _HAS_DEVICE_CAPS else everything
    if not able & (_CAPTURE | _CAPTURE_PLANES):
        return METADATA
    kind = _BUF_CAPTURE if able & _CAPTURE else _BUF_CAPTURE_PLANES
    try:  # no buffers at all: changes nothing, and is refused if another program streams
        fcntl.ioctl(handle, VIDIOC_REQBUFS, bytearray(struct.pack("=5I", 0, kind, _MMAP, 0, 0)))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return _refusal(path, error)
    return None


def _refusal(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return "is not there"
        case errno.EACCES | errno.EPERM:
            group = _group(path)
            return f"is forbidden; join its group: sudo usermod -aG {group} $USER, then log in again"
        case errno.EBUSY:
            return f"is busy; close {holder(path) or 'the program that uses it'} and try again"
        case _:
            return f"does not open: {error.strerror}"


def holder(path: Path) -> str | None:
    """Which other program has `path` open, as far as we may know: "cheese (process 4711)"."""
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(os.readlink(entry) == str(path) for entry in process.glob("fd/*")):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue
    return None


def _group(path: Path) -> str:
    import grp

    try:
        return grp.getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        return "video"
