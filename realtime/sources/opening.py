"""Open what the user asked for as a source that reconnects by itself.

To add a kind of source: write a subclass of `Source` (see `base.py`) in a module of this folder, and return a function
that opens it from `_choose_opener`. Import the module there, so that a start loads only what it uses. To add a file
type: see `file_types.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import NoCamera, SourceError, UsageError
from realtime.sources.base import Source
from realtime.sources.camera_list import CameraInfo, find_camera, list_cameras
from realtime.sources.reconnect import ReconnectingSource
from realtime.sources.urls import SUPPORTED_SCHEMES, normalize_scheme, url_scheme
from realtime.system.signals import call_interruptible

if TYPE_CHECKING:
    from realtime.sources.browser_camera import BrowserCamera
    from realtime.sources.camera import Camera


def open_live_source(
    camera: str | None = None,
    *,
    demo: bool = False,
    height: int | None = None,
    fps: float | None = None,
    stop: threading.Event | None = None,
    browser_camera: BrowserCamera | None = None,
) -> ReconnectingSource:
    """Open a camera, a network stream or the demo as a source that reopens itself after a loss of signal.

    Args:
        camera: Index, name or part of it, device path, or URL. "page" is `browser_camera`, where one is given.
            None opens the first camera that gives a frame.
        demo: Open the built-in demo instead of a camera.
        height: Rows wanted at least. A request: the camera decides.
        fps: Frames per second wanted. A request: the camera decides.
        stop: Setting it makes `read` return None.
        browser_camera: The source that "page" stands for.

    Returns:
        The opened source. Close it, or use it in a `with` statement.

    Raises:
        NoCamera: There is no such camera, or none that gives a frame.
        SourceError: The camera is busy, forbidden or gives no frame.
        UsageError: The scheme of the URL is not supported.

    Example:
        >>> from realtime import open_live_source
        >>> with open_live_source(demo=True) as source:
        ...     frame = source.read()
        >>> frame.image.shape
        (480, 640, 3)
    """
    size = _size_for(height)
    return ReconnectingSource(_choose_opener(camera, demo, size, fps, browser_camera), stop=stop)


def open_files(
    paths: list[Path], *, loop: bool = False, track: int | None = None, stop: threading.Event | None = None
) -> ReconnectingSource:
    """Open video and image files to be played one after the other.

    loop: start again after the last file; track: which video track of the videos, from 1. Raises SourceError.
    """
    from realtime.sources.playback import Playback

    stop = stop or threading.Event()
    return ReconnectingSource(partial(Playback, paths, loop=loop, track=track, stop=stop), stop=stop)


def next_camera(current: str, *, height: int | None = None, fps: float | None = None) -> Callable[[], Source] | None:
    """Return an opener of the camera listed after the one of that `Source.name`; None if no other one would open."""
    cameras = list_cameras()
    labels = [camera.label for camera in cameras]
    following = labels.index(current) + 1 if current in labels else 0
    for camera in cameras[following:] + cameras[:following]:
        if camera.label != current and not camera.problem:
            return _LocalCameraOpener(None, _size_for(height), fps, camera)
    return None


def _choose_opener(
    camera: str | None,
    demo: bool,
    size: tuple[int, int] | None,
    fps: float | None,
    browser_camera: BrowserCamera | None,
) -> Callable[[], Source]:
    """Return a function that opens the source that the arguments name. Raises UsageError for an unknown scheme."""
    if camera == "page" and browser_camera is not None:
        return browser_camera.open
    if demo:
        from realtime.sources.demo import DEFAULT_SIZE, Demo

        return partial(Demo, size or DEFAULT_SIZE)
    scheme = url_scheme(camera.strip()) if camera is not None else None
    if camera is not None and scheme is not None:
        if scheme not in SUPPORTED_SCHEMES:
            raise UsageError(f"{scheme}:// is no camera's address; known are {', '.join(SUPPORTED_SCHEMES)}")
        from realtime.sources.stream import Stream

        return partial(call_interruptible, partial(Stream, normalize_scheme(camera)))
    return _LocalCameraOpener(camera, size, fps)


class _LocalCameraOpener:
    """Opens the camera that the user named, and on later calls the same device, even if its index has changed."""

    def __init__(
        self, camera: str | None, size: tuple[int, int] | None, fps: float | None, found: CameraInfo | None = None
    ) -> None:
        self._camera, self._size, self._fps = camera, size, fps
        self._found = found

    def __call__(self) -> Source:
        if self._found is not None:
            device = self._open(_find_again(self._found))
        elif self._camera is not None:
            device = self._open(find_camera(self._camera.strip(), list_cameras()))
        else:
            device = self._open_first_working()
        self._found = device.camera
        return device

    def _open(self, camera: CameraInfo) -> Camera:
        from realtime.sources.camera import Camera
        from realtime.sources.camera_permission import ask_permission

        ask_permission()
        return Camera(camera, size=self._size, fps=self._fps)

    def _open_first_working(self) -> Camera:
        problems = []
        for camera in list_cameras():
            try:
                if camera.problem:
                    raise SourceError(f"{camera.label} {camera.problem}")
                return self._open(camera)
            except SourceError as error:
                problems.append(str(error))
        reason = "; ".join(problems) or "none is connected"
        raise NoCamera(f"no camera answers: {reason} (--demo shows the program without one)")


def _find_again(camera: CameraInfo) -> CameraInfo:
    """Return the same camera as it is listed now: at its old path, or else by its name."""
    listed = [other for other in list_cameras() if other.name == camera.name]
    listed.sort(key=lambda other: other.path != camera.path)
    if not listed and camera.path is not None:
        raise NoCamera(f"{camera.label} was unplugged")
    return listed[0] if listed else camera


def _size_for(height: int | None) -> tuple[int, int] | None:
    """Return the (width, height) to request for at least that many rows; None for the camera's default."""
    if height is None or height <= 480:
        return None
    return (round(height * 4 / 3), height) if height <= 600 else (round(height * 16 / 9), height)
