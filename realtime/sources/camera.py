"""Local cameras, through OpenCV."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np

from realtime.errors import SignalLost, SourceError
from realtime.frame import Frame, Image
from realtime.sources.base import MAX_DAMAGED_FRAMES, LiveSource
from realtime.sources.camera_list import CameraInfo
from realtime.system.clock import Clock, SystemClock
from realtime.system.fps import FrameRate

SILENCE_SECONDS = 5.0  # after this time without a frame the signal is lost
BUFFER_COUNT = 2  # one would halve the rate: V4L2 could not store the next frame while this one is decoded
_MJPG = cv2.VideoWriter.fourcc(*"MJPG")


class Camera(LiveSource):
    """A camera of this machine. The constructor opens it and reads the first frame as proof that it works.

    size, fps: requests; the properties of these names return what the driver made of them. pts is the time of arrival.
    On macOS the first camera must be opened on the main thread, where the system asks for permission.
    """

    def __init__(
        self,
        camera: CameraInfo,
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(clock or SystemClock())
        self.camera = camera
        self._capture, first = self._open(size, fps)
        self._unread: Image | None = first
        self._size = (first.shape[1], first.shape[0])
        self._format = _decode_fourcc(self._capture.get(cv2.CAP_PROP_FOURCC))
        declared = self._capture.get(cv2.CAP_PROP_FPS)
        self._declared_fps = declared if 0 < declared < 1000 else 0.0
        self._rate = FrameRate(self._clock.now())

    @property
    def name(self) -> str:
        """Index and model: camera 0 (Logitech C270)."""
        return self.camera.label

    @property
    def mirror(self) -> bool:
        """True: users expect a mirror."""
        return True

    @property
    def format(self) -> str:
        """Pixel format that the driver reports, such as MJPG or YUYV; empty if it reports none."""
        return self._format

    def read(self) -> Frame:
        """Wait for the next frame. Raises SignalLost if the camera is unplugged or sends nothing for 5 s."""
        if not self._capture.isOpened():
            raise SourceError(f"{self.name} is closed")
        image, self._unread = self._unread, None
        if image is None:
            image = self._grab(self._capture)
        return self._stamp(image, self._clock.now())

    def close(self) -> None:
        """Release the camera. May be called twice, but only by the thread that reads."""
        self._capture.release()

    def _open(self, size: tuple[int, int] | None, fps: float | None) -> tuple[cv2.VideoCapture, Image]:
        """Try the backends in turn; return the first capture that gives a frame, and that frame."""
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        failures = []
        for backend, index in self.camera.backends:
            capture = cv2.VideoCapture()
            try:
                if not capture.open(index, getattr(cv2, f"CAP_{backend}")):
                    failures.append((backend, "does not open"))
                    continue
                _request_format(capture, size, fps)
                return capture, self._grab(capture)
            except SignalLost:
                failures.append((backend, "opens, but gives no picture"))
            capture.release()
        raise SourceError(f"{self.name} {self._diagnose(failures)}")

    def _grab(self, capture: cv2.VideoCapture) -> Image:
        start = self._clock.now()
        for _ in range(MAX_DAMAGED_FRAMES):
            if self._clock.now() - start > SILENCE_SECONDS or not capture.grab():
                raise SignalLost(f"{self.name} {self._describe_loss()}")
            image = _retrieve(capture)
            if image is not None:
                return image
            self._decode_errors += 1
        raise SignalLost(f"{self.name} sends garbage: {MAX_DAMAGED_FRAMES} damaged pictures in a row")

    def _describe_loss(self) -> str:
        path = self.camera.path
        if sys.platform == "linux" and path is not None and not os.path.exists(Path(path)):
            return "was unplugged"
        return "has stopped sending; is it still plugged in?"

    def _diagnose(self, failures: list[tuple[str, str]]) -> str:
        """Return one line: the problem that Linux reports, else what each backend did and what the user can do."""
        if sys.platform == "linux" and self.camera.path is not None:
            from realtime.sources import v4l2

            if problem := v4l2.find_problem(Path(self.camera.path)):
                return problem
        attempts = "; ".join(f"{failure} with {backend}" for backend, failure in failures)
        remedy = {
            "darwin": "allow the terminal in System Settings, Privacy & Security, Camera",
            "win32": "allow desktop apps in Settings, Privacy & security, Camera",
        }.get(sys.platform, "unplug it and plug it in again")
        return f"{attempts}; close other programs that use it, or {remedy}"


def _request_format(capture: cv2.VideoCapture, size: tuple[int, int] | None, fps: float | None) -> None:
    """Request MJPG, of which USB carries more than of raw frames; a driver without it keeps its own format."""
    mjpg_last = sys.platform == "win32"  # DirectShow resets the format when a size or rate is set
    if not mjpg_last:
        capture.set(cv2.CAP_PROP_FOURCC, _MJPG)
    if size:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    if fps:
        capture.set(cv2.CAP_PROP_FPS, fps)
    if mjpg_last:
        capture.set(cv2.CAP_PROP_FOURCC, _MJPG)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, BUFFER_COUNT)


def _decode_fourcc(code: float) -> str:
    letters = int(code).to_bytes(4, "little", signed=False) if 0 < code < 2**32 else b""
    return letters.decode("ascii", "replace").strip() if letters.isalnum() else ""


def _retrieve(capture: cv2.VideoCapture) -> Image | None:
    """Return the frame grabbed last, [H, W, 3] uint8 BGR; None if it is damaged."""
    try:
        succeeded, image = capture.retrieve()  # with DirectShow this call waits; a failure may return any array
    except cv2.error:
        return None
    if not succeeded or image is None or not image.size:
        return None
    if image.ndim == 2 or image.shape[2] == 1:  # an infrared camera
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return np.asarray(image, np.uint8)
