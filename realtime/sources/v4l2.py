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
VIDIOC_ENUM_FMT = 0xC0405602
VIDIOC_ENUM_FRAMESIZES = 0xC02C564A
VIDIOC_ENUM_FRAMEINTERVALS = 0xC034564B
_CAPTURE, _CAPTURE_PLANES, _HAS_DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_BUF_CAPTURE, _BUF_CAPTURE_PLANES, _MMAP = 1, 9, 1
_DISCRETE = 1  # else a range, with steps
_MOST = 200  # formats, sizes or rates: a driver that never ends is not believed

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


def modes(path: Path) -> Iterator[tuple[str, int, int, float]]:
    """What the camera offers: format (MJPG, YUYV, ...), width, height, frames a second (0.0: not said)."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        for kind in (_BUF_CAPTURE, _BUF_CAPTURE_PLANES):
            for format in _list(handle, VIDIOC_ENUM_FMT, "=2I36xI16x", kind):
                yield from _sizes(handle, format[2])
    finally:
        os.close(handle)


def _sizes(handle: int, code: int) -> Iterator[tuple[str, int, int, float]]:
    name = code.to_bytes(4, "little").decode("ascii", "replace").strip()
    for size in _list(handle, VIDIOC_ENUM_FRAMESIZES, "=9I8x", code):
        # A range counts with its largest: w, h; or least w, largest w, step, least h, largest h, step.
        width, height = (size[3], size[4]) if size[2] == _DISCRETE else (size[4], size[7])
        rates = [
            rate[6] / rate[5] if rate[5] else 0.0  # a frame's time; the first of a range is the shortest
            for rate in _list(handle, VIDIOC_ENUM_FRAMEINTERVALS, "=11I8x", code, width, height)
        ]
        for rate in rates or [0.0]:
            yield name, width, height, rate


def _list(handle: int, request: int, layout: str, *asked: int) -> Iterator[tuple[int, ...]]:
    """Every answer to a question that goes by an index, until the driver has no more."""
    for index in range(_MOST):
        answer = bytearray(struct.calcsize(layout))
        struct.pack_into(f"={1 + len(asked)}I", answer, 0, index, *asked)
        try:
            fcntl.ioctl(handle, request, answer)
        except OSError:
            return
        found = struct.unpack(layout, answer)
        yield found
        if request != VIDIOC_ENUM_FMT and found[len(asked) + 1] != _DISCRETE:
            return


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
