"""Video4Linux2: what the kernel knows about a camera; OpenCV reports only that it failed."""

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
_CAP_VIDEO_CAPTURE, _CAP_VIDEO_CAPTURE_MPLANE, _CAP_DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_BUF_TYPE_VIDEO_CAPTURE, _BUF_TYPE_VIDEO_CAPTURE_MPLANE, _MEMORY_MMAP = 1, 9, 1
_TYPE_DISCRETE = 1  # type of a single frame size or interval; the other types are ranges
_MAX_ENTRIES = 200  # formats, sizes or rates read at most, since some drivers never end their list

METADATA_ONLY = "gives no pictures, only data about them"


def list_devices() -> Iterator[Path]:
    """Yield the video devices, by number. Some of them are not cameras."""
    found = [path for path in Path("/dev").glob("video*") if re.fullmatch(r"video\d+", path.name)]
    yield from sorted(found, key=lambda path: int(path.name.removeprefix("video")))


def device_name(path: Path) -> str:
    """Return the name that the driver gives the device, or else the file's name."""
    try:
        name = Path("/sys/class/video4linux", path.name, "name").read_text("utf-8", "replace").strip()
    except OSError:
        name = ""
    return name or path.name


def find_problem(path: Path) -> str | None:
    """Return why `path` would give no frame now; None if no problem is known."""
    try:
        if not stat.S_ISCHR(path.stat().st_mode):
            return "is not a camera"
        handle = _open(path)
    except OSError as error:
        return _explain_error(path, error)
    try:
        return _query_problem(path, handle)
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _query_problem(path: Path, handle: int) -> str | None:
    answer = bytearray(104)  # struct v4l2_capability
    try:
        fcntl.ioctl(handle, VIDIOC_QUERYCAP, answer)
    except OSError as error:
        return "is not a camera" if error.errno in (errno.ENOTTY, errno.EINVAL) else _explain_error(path, error)
    all_capabilities, device_capabilities = struct.unpack_from("=II", answer, 84)
    capabilities = device_capabilities if all_capabilities & _CAP_DEVICE_CAPS else all_capabilities
    if not capabilities & (_CAP_VIDEO_CAPTURE | _CAP_VIDEO_CAPTURE_MPLANE):
        return METADATA_ONLY
    single_plane = capabilities & _CAP_VIDEO_CAPTURE
    buffer_type = _BUF_TYPE_VIDEO_CAPTURE if single_plane else _BUF_TYPE_VIDEO_CAPTURE_MPLANE
    try:  # a request for no buffers changes nothing, and is refused while another program streams
        fcntl.ioctl(handle, VIDIOC_REQBUFS, bytearray(struct.pack("=5I", 0, buffer_type, _MEMORY_MMAP, 0, 0)))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return _explain_error(path, error)
    return None


def _explain_error(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return "is not there"
        case errno.EACCES | errno.EPERM:
            group = _group_name(path)
            return f"is forbidden; join its group: sudo usermod -aG {group} $USER, then log in again"
        case errno.EBUSY:
            return f"is busy; close {find_holder(path) or 'the program that uses it'} and try again"
        case _:
            return f"does not open: {error.strerror}"


def list_modes(path: Path) -> Iterator[tuple[str, int, int, float]]:
    """Yield the modes of a camera: format (MJPG, YUYV, ...), width, height, frames per second (0.0 if unknown)."""
    try:
        handle = _open(path)
    except OSError:
        return
    try:
        for buffer_type in (_BUF_TYPE_VIDEO_CAPTURE, _BUF_TYPE_VIDEO_CAPTURE_MPLANE):
            for format in _enumerate(handle, VIDIOC_ENUM_FMT, "=2I36xI16x", buffer_type):
                yield from _list_sizes(handle, format[2])
    finally:
        os.close(handle)


def _list_sizes(handle: int, fourcc: int) -> Iterator[tuple[str, int, int, float]]:
    name = fourcc.to_bytes(4, "little").decode("ascii", "replace").strip()
    for size in _enumerate(handle, VIDIOC_ENUM_FRAMESIZES, "=9I8x", fourcc):
        # Discrete: width, height. Range, of which the largest counts: min, max and step of the width, then the height.
        width, height = (size[3], size[4]) if size[2] == _TYPE_DISCRETE else (size[4], size[7])
        rates = [
            interval[6] / interval[5] if interval[5] else 0.0  # a range starts with its shortest interval
            for interval in _enumerate(handle, VIDIOC_ENUM_FRAMEINTERVALS, "=11I8x", fourcc, width, height)
        ]
        for rate in rates or [0.0]:
            yield name, width, height, rate


def _enumerate(handle: int, request: int, layout: str, *arguments: int) -> Iterator[tuple[int, ...]]:
    """Yield the answers to an indexed request, until the driver has no more. The struct starts with the index."""
    for index in range(_MAX_ENTRIES):
        answer = bytearray(struct.calcsize(layout))
        struct.pack_into(f"={1 + len(arguments)}I", answer, 0, index, *arguments)
        try:
            fcntl.ioctl(handle, request, answer)
        except OSError:
            return
        fields = struct.unpack(layout, answer)
        yield fields
        if request != VIDIOC_ENUM_FMT and fields[len(arguments) + 1] != _TYPE_DISCRETE:
            return


def find_holder(path: Path) -> str | None:
    """Return another program that has `path` open, among those this user may inspect: "cheese (process 4711)"."""
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(os.readlink(entry) == str(path) for entry in process.glob("fd/*")):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue
    return None


def _group_name(path: Path) -> str:
    import grp

    try:
        return grp.getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        return "video"
