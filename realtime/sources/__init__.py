"""Where pictures come from: local cameras, network cameras, the demo, files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import NoCamera, SourceError, UsageError
from realtime.sources.base import Source
from realtime.sources.camera_list import CameraInfo, find_camera, list_cameras
from realtime.sources.reconnect import Reconnecting
from realtime.sources.urls import SCHEMES, scheme_of
from realtime.system.signals import call_interruptible

if TYPE_CHECKING:
    from realtime.sources.browser_camera import BrowserCamera
    from realtime.sources.camera import Camera

__all__ = [
    "CameraInfo",
    "Reconnecting",
    "Source",
    "list_cameras",
    "next_camera",
    "open_files",
    "open_live_source",
    "open_source",
]


def open_live_source(
    camera: str | None = None,
    *,
    demo: bool = False,
    height: int | None = None,
    fps: float | None = None,
    stop: threading.Event | None = None,
    page: BrowserCamera | None = None,
) -> Reconnecting:
    """Open what the user asked for, so that it comes back by itself after a loss.

    camera: index, name, device path or address; "page" is what browsers send to `page`; None is the first that answers.
    height: rows wanted at least; fps: wanted. The camera decides.
    """
    size = _size_for(height)
    if camera == "page" and page is not None:
        return Reconnecting(page.open, stop=stop)
    if demo:
        from realtime.sources.demo import Demo

        return Reconnecting(lambda: Demo(size or (640, 480)), stop=stop)
    return Reconnecting(_Opener(camera, size, fps), stop=stop)


def next_camera(current: str, *, height: int | None = None, fps: float | None = None) -> Callable[[], Source] | None:
    """What opens the camera after the one of that `Source.name`; None where there is no other that would open."""
    cameras = list_cameras()
    labels = [camera.label for camera in cameras]
    place = labels.index(current) + 1 if current in labels else 0
    for camera in cameras[place:] + cameras[:place]:
        if camera.label != current and not camera.problem:
            return _Opener(None, _size_for(height), fps, camera)
    return None


def open_files(
    paths: list[Path], *, loop: bool = False, track: int | None = None, stop: threading.Event | None = None
) -> Reconnecting:
    """Open films and pictures to be played one after the other. loop: again and again; track: of the films."""
    from realtime.sources.playback import Playback

    stop = stop or threading.Event()
    return Reconnecting(lambda: Playback(paths, loop=loop, track=track, stop=stop), stop=stop)


def open_source(camera: str | None = None, *, size: tuple[int, int] | None = None, fps: float | None = None) -> Source:
    """Open a camera once: index, name, device path or address; None is the first that answers."""
    return _Opener(camera, size, fps)()


class _Opener:
    """Opens what the user named, and later the very same camera again, whatever its number is by then."""

    def __init__(
        self, camera: str | None, size: tuple[int, int] | None, fps: float | None, found: CameraInfo | None = None
    ) -> None:
        self._camera, self._size, self._fps = camera, size, fps
        self._found = found

    def __call__(self) -> Source:
        scheme = scheme_of(self._camera or "")
        if self._camera is not None and scheme is not None:
            if scheme not in SCHEMES:
                raise UsageError(f"{scheme}:// is no camera's address; known are {', '.join(SCHEMES)}")
            from realtime.sources.stream import Stream

            return call_interruptible(partial(Stream, self._camera))
        if self._found is not None:
            device = self._open(_again(self._found))
        elif self._camera is not None:
            device = self._open(find_camera(self._camera.strip(), list_cameras()))
        else:
            device = self._first_that_answers()
        self._found = device.camera
        return device

    def _open(self, camera: CameraInfo) -> Camera:
        from realtime.sources.camera import Camera
        from realtime.sources.camera_permission import ask_permission

        ask_permission()
        return Camera(camera, size=self._size, fps=self._fps)

    def _first_that_answers(self) -> Camera:
        reasons = []
        for camera in list_cameras():
            try:
                if camera.problem:
                    raise SourceError(f"{camera.label} {camera.problem}")
                return self._open(camera)
            except SourceError as error:
                reasons.append(str(error))
        why = "; ".join(reasons) or "none is connected"
        raise NoCamera(f"no camera answers: {why} (--demo shows the program without one)")


def _again(camera: CameraInfo) -> CameraInfo:
    """The same camera as it is listed now: at its old path, or else by its name."""
    listed = [other for other in list_cameras() if other.name == camera.name]
    listed.sort(key=lambda other: other.path != camera.path)
    if not listed and camera.path is not None:
        raise NoCamera(f"{camera.label} was unplugged")
    return listed[0] if listed else camera


def _size_for(height: int | None) -> tuple[int, int] | None:
    """(width, height) to ask a camera for, so that pictures have that many rows at least."""
    if height is None or height <= 480:
        return None
    return (round(height * 4 / 3), height) if height <= 600 else (round(height * 16 / 9), height)
