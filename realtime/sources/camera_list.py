"""The cameras of this machine, and which of them the user means."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import NoCamera, SourceError

# OpenCV's backends for local cameras, best first.
BACKENDS = {
    "linux": ("V4L2",),
    "darwin": ("AVFOUNDATION",),
    # Microsoft's newer MSMF does not see virtual cameras and takes seconds to open some real ones.
    "win32": ("DSHOW", "MSMF"),
}.get(sys.platform, ("ANY",))


@dataclass(frozen=True)
class CameraInfo:
    """A camera that the system lists.

    backends: (OpenCV backend, index there), in the order to try.
    problem: why it would not open now, as far as that is known without opening it: "is busy; ...".
    """

    index: int
    name: str
    path: str | None
    backends: tuple[tuple[str, int], ...]
    problem: str | None = None

    @property
    def backend(self) -> str:
        """The backend tried first."""
        return self.backends[0][0]

    @property
    def label(self) -> str:
        """The name used in messages: camera 0 (Logitech C270)."""
        return f"camera {self.index}" + (f" ({self.name})" if self.name else "")


def list_cameras() -> list[CameraInfo]:
    """Return every camera that the system lists, those with a problem too, without opening any."""
    if sys.platform == "linux":
        return list(_list_v4l2_cameras())
    return _enumerate_cameras()


def _list_v4l2_cameras() -> Iterator[CameraInfo]:
    from realtime.sources import v4l2

    for path in v4l2.list_devices():
        problem = v4l2.find_problem(path)
        if problem != v4l2.METADATA_ONLY:
            index = int(path.name.removeprefix("video"))
            yield CameraInfo(index, v4l2.device_name(path), str(path), (("V4L2", index),), problem)


def _enumerate_cameras() -> list[CameraInfo]:
    """List cameras with cv2-enumerate-cameras; on Windows one entry for a camera that both backends list."""
    try:
        import cv2
        from cv2_enumerate_cameras import enumerate_cameras
    except ImportError:  # a build without its native part
        return []
    found: dict[str, CameraInfo] = {}
    for backend in BACKENDS:
        for camera in enumerate_cameras(getattr(cv2, f"CAP_{backend}")):
            key = (camera.path or f"{backend} {camera.index}").lower().split("#{")[0]
            entry = (backend, camera.index)
            if known := found.get(key):
                found[key] = CameraInfo(known.index, known.name, known.path, (*known.backends, entry))
            else:
                found[key] = CameraInfo(len(found), camera.name, camera.path, (entry,))
    return list(found.values())


def find_camera(wanted: str, cameras: list[CameraInfo]) -> CameraInfo:
    """Return the camera of that index, device path, name or part of a name (case-insensitive).

    Raises NoCamera, which names the cameras that exist, or SourceError if several match or it has a problem.
    """
    if wanted.isdecimal():
        matches = [camera for camera in cameras if camera.index == int(wanted)]
        if not matches and not cameras and sys.platform != "linux":
            return CameraInfo(int(wanted), "", None, tuple((backend, int(wanted)) for backend in BACKENDS))
    elif wanted.startswith("/"):
        path = os.path.realpath(wanted)  # /dev/v4l/by-id/... are links
        matches = [camera for camera in cameras if camera.path == path]
    else:
        matches = [camera for camera in cameras if camera.name.casefold() == wanted.casefold()]
        matches = matches or [camera for camera in cameras if wanted.casefold() in camera.name.casefold()]
    if not wanted or not matches:
        present = f"there is {_join_names(cameras)}" if cameras else "no camera is connected"
        raise NoCamera(f"there is no camera {wanted!r}{_explain_missing(wanted)}; {present}")
    if len({camera.name for camera in matches}) > 1:
        raise SourceError(f"{wanted!r} fits several cameras: {_join_names(matches)}; use one's number")
    camera = next((camera for camera in matches if not camera.problem), matches[0])
    if camera.problem:
        raise SourceError(f"{camera.label} {camera.problem}")
    return camera


def _explain_missing(wanted: str) -> str:
    """Return what else is known of a camera that is not listed, for example that it is a file; empty if nothing."""
    path = Path(f"/dev/video{wanted}" if wanted.isdecimal() else wanted)
    try:
        if os.path.isfile(path):
            return ", that is a file"
        is_device = os.path.exists(path) and not os.path.isdir(path)
    except (OSError, ValueError):  # not a valid path
        return ""
    if sys.platform == "linux" and is_device:
        from realtime.sources import v4l2

        subject = path if wanted.isdecimal() else "that"
        return f", {subject} {v4l2.find_problem(path) or 'is not listed'}"
    return ""


def _join_names(cameras: list[CameraInfo]) -> str:
    return ", ".join(f"{camera.index} ({camera.name})" for camera in cameras)
