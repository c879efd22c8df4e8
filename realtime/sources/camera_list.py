"""Which cameras this machine has, and which of them the user means."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import NoCamera, SourceError

# OpenCV's back ends that read local cameras, best first.
BACKENDS = {
    "linux": ("V4L2",),
    "darwin": ("AVFOUNDATION",),
    # Microsoft's newer MSMF does not see virtual cameras and takes seconds to open some real ones.
    "win32": ("DSHOW", "MSMF"),
}.get(sys.platform, ("ANY",))


@dataclass(frozen=True)
class CameraInfo:
    """A camera that the system shows.

    ways: (back end, index there), in the order to try.
    problem: why it would not open now, where that can be told without opening it: "is busy; ...".
    """

    index: int
    name: str
    path: str | None
    ways: tuple[tuple[str, int], ...]
    problem: str | None = None

    @property
    def backend(self) -> str:
        """The back end tried first."""
        return self.ways[0][0]

    @property
    def label(self) -> str:
        """As messages call it: camera 0 (Logitech C270)."""
        return f"camera {self.index}" + (f" ({self.name})" if self.name else "")


def list_cameras() -> list[CameraInfo]:
    """Every camera that the system shows, without opening any. Those with a problem too."""
    if sys.platform == "linux":
        return list(_on_linux())
    return _enumerated()


def _on_linux() -> Iterator[CameraInfo]:
    from realtime.sources import v4l2

    for path in v4l2.nodes():
        problem = v4l2.problem(path)
        if problem != v4l2.METADATA:
            index = int(path.name[5:])
            yield CameraInfo(index, v4l2.card(path), str(path), (("V4L2", index),), problem)


def _enumerated() -> list[CameraInfo]:
    """By cv2-enumerate-cameras; on Windows one entry for what both back ends show."""
    try:
        import cv2
        from cv2_enumerate_cameras import enumerate_cameras
    except ImportError:  # a build without its native part
        return []
    found: dict[str, CameraInfo] = {}
    for backend in BACKENDS:
        for camera in enumerate_cameras(getattr(cv2, f"CAP_{backend}")):
            key = (camera.path or f"{backend} {camera.index}").lower().split("#{")[0]
            way = (backend, camera.index)
            if known := found.get(key):
                found[key] = CameraInfo(known.index, known.name, known.path, (*known.ways, way))
            else:
                found[key] = CameraInfo(len(found), camera.name, camera.path, (way,))
    return list(found.values())


def find_camera(wanted: str, cameras: list[CameraInfo]) -> CameraInfo:
    """The camera of that index, device path or name (all of it, or any part; case does not count).

    Raises NoCamera, which names those there are, or SourceError if several fit or it has a problem.
    """
    if wanted.isdecimal():
        fitting = [camera for camera in cameras if camera.index == int(wanted)]
        if not fitting and not cameras and sys.platform != "linux":
            return CameraInfo(int(wanted), "", None, tuple((way, int(wanted)) for way in BACKENDS))
    elif wanted.startswith("/"):
        path = str(Path(wanted).resolve())  # /dev/v4l/by-id/... are links
        fitting = [camera for camera in cameras if camera.path == path]
    else:
        fitting = [camera for camera in cameras if camera.name.casefold() == wanted.casefold()]
        fitting = fitting or [c for c in cameras if wanted.casefold() in c.name.casefold()]
    if not wanted or not fitting:
        raise NoCamera(f"there is no camera {wanted!r}{_why_not(wanted)}; {_present(cameras)}")
    if len({camera.name for camera in fitting}) > 1:
        raise SourceError(f"{wanted!r} fits several cameras: {_names(fitting)}; use one's number")
    camera = next((camera for camera in fitting if not camera.problem), fitting[0])
    if camera.problem:
        raise SourceError(f"{camera.label} {camera.problem}")
    return camera


def _why_not(wanted: str) -> str:
    """More on a camera that is not listed: a file, a device that is none."""
    path = Path(f"/dev/video{wanted}" if wanted.isdecimal() else wanted)
    try:
        if path.is_file():
            return ", that is a file"
        there = path.exists() and not path.is_dir()
    except (OSError, ValueError):  # no path at all
        return ""
    if sys.platform == "linux" and there:
        from realtime.sources import v4l2

        subject = path if wanted.isdecimal() else "that"
        return f", {subject} {v4l2.problem(path) or 'is not listed'}"
    return ""


def _present(cameras: list[CameraInfo]) -> str:
    return f"there is {_names(cameras)}" if cameras else "no camera is connected"


def _names(cameras: list[CameraInfo]) -> str:
    return ", ".join(f"{camera.index} ({camera.name})" for camera in cameras)
