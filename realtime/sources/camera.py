"""Local cameras, through OpenCV."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from realtime.errors import SignalLost, SourceError
from realtime.frame import Frame, Image
from realtime.sources.base import Source
from realtime.sources.camera_list import CameraInfo
from realtime.system.clock import Clock, SystemClock
from realtime.system.fps import FrameRate

HOPELESS = 50  # pictures in a row that cannot be decoded
SILENCE = 5.0  # s without a picture
BUFFERS = 2  # with one, V4L2 has nowhere to put the next frame while this one is decoded: half the rate
_MJPG = cv2.VideoWriter.fourcc(*"MJPG")


class Camera(Source):
    """A camera of this machine, opened by its constructor, which reads the first picture as proof.

    Sizes and rates are wishes; `size` and `fps` tell what came of them. pts is the time of arrival.
    On macOS the first camera has to be opened on the main thread, where the system asks for permission.
    """

    def __init__(
        self,
        camera: CameraInfo,
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.camera = camera
        self._clock = clock or SystemClock()
        self._errors = 0
        self._first: float | None = None
        self._waiting: Image | None = None  # read, not yet asked for
        self._capture, first = self._open(size, fps)
        self._waiting = first
        self._size = (first.shape[1], first.shape[0])
        self._format = _fourcc(self._capture.get(cv2.CAP_PROP_FOURCC))
        promised = self._capture.get(cv2.CAP_PROP_FPS)
        self._declared = promised if 0 < promised < 1000 else 0.0
        self._rate = FrameRate(self._clock.now())

    @property
    def name(self) -> str:
        """Number and model: camera 0 (Logitech C270)."""
        return self.camera.label

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the newest frame."""
        return self._size

    @property
    def fps(self) -> float:
        """Frames a second: measured, until then what the driver promises; 0.0 is unknown."""
        return self._rate.value(default=self._declared)

    @property
    def decode_errors(self) -> int:
        """Pictures that came damaged and were skipped."""
        return self._errors

    @property
    def mirror(self) -> bool:
        """True: people know themselves from mirrors."""
        return True

    @property
    def format(self) -> str:
        """MJPG, YUYV, ...: what the driver says; empty where it says nothing."""
        return self._format

    def read(self) -> Frame:
        """Wait for the next frame; SignalLost if the camera is unplugged or sends nothing for 5 s."""
        if not self._capture.isOpened():
            raise SourceError(f"{self.name} is closed")
        image, self._waiting = self._waiting, None
        if image is None:
            image = self._next(self._capture)
        now = self._clock.now()
        if self._first is None:
            self._first = now
        self._rate.tick(now)
        self._size = (image.shape[1], image.shape[0])
        return Frame(image, now - self._first, now)

    def close(self) -> None:
        """Give the camera back. May be called twice, but only by the thread that reads."""
        self._capture.release()

    def _open(self, size: tuple[int, int] | None, fps: float | None) -> tuple[cv2.VideoCapture, Image]:
        """Try the back ends in turn; the first that gives a picture has it."""
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        reasons = []
        for backend, index in self.camera.ways:
            capture = cv2.VideoCapture()
            try:
                if not capture.open(index, getattr(cv2, f"CAP_{backend}")):
                    reasons.append((backend, "does not open"))
                    continue
                _wish(capture, size, fps)
                return capture, self._next(capture)
            except SignalLost:
                reasons.append((backend, "opens, but gives no picture"))
            capture.release()
        raise SourceError(f"{self.name} {self._diagnose(reasons)}")

    def _next(self, capture: cv2.VideoCapture) -> Image:
        begin = self._clock.now()
        for _ in range(HOPELESS):
            if self._clock.now() - begin > SILENCE or not capture.grab():
                raise SignalLost(f"{self.name} {self._loss()}")
            image = _retrieve(capture)
            if image is not None:
                return image
            self._errors += 1
        raise SignalLost(f"{self.name} sends garbage: {HOPELESS} damaged pictures in a row")

    def _loss(self) -> str:
        path = self.camera.path
        if sys.platform == "linux" and path is not None and not Path(path).exists():
            return "was unplugged"
        return "has stopped sending; is it still plugged in?"

    def _diagnose(self, reasons: list[tuple[str, str]]) -> str:
        """One line: what the system says, or what OpenCV's back ends said and what to do about it."""
        if sys.platform == "linux" and self.camera.path is not None:
            from realtime.sources import v4l2

            if known := v4l2.problem(Path(self.camera.path)):
                return known
        said = "; ".join(f"{reason} with {backend}" for backend, reason in reasons)
        remedy = {
            "darwin": "allow the terminal in System Settings, Privacy & Security, Camera",
            "win32": "allow desktop apps in Settings, Privacy & security, Camera",
        }.get(sys.platform, "unplug it and plug it in again")
        return f"{said}; close other programs that use it, or {remedy}"


def _wish(capture: cv2.VideoCapture, size: tuple[int, int] | None, fps: float | None) -> None:
    """Compressed before raw: USB carries more of it; a driver that has no MJPG stays with what it has."""
    last = sys.platform == "win32"  # DirectShow forgets it when it is asked for a size or rate
    if not last:
        capture.set(cv2.CAP_PROP_FOURCC, _MJPG)
    if size:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    if fps:
        capture.set(cv2.CAP_PROP_FPS, fps)
    if last:
        capture.set(cv2.CAP_PROP_FOURCC, _MJPG)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, BUFFERS)


def _fourcc(code: float) -> str:
    letters = int(code).to_bytes(4, "little", signed=False) if 0 < code < 2**32 else b""
    return letters.decode("ascii", "replace").strip() if letters.isalnum() else ""


def _retrieve(capture: cv2.VideoCapture) -> Image | None:
    """The picture grabbed last, [H, W, 3]; None if it is damaged."""
    try:
        done, image = capture.retrieve()  # in DirectShow it is this that waits, and fails with an array of anything
    except cv2.error:
        return None
    if not done or image is None or not image.size:
        return None
    if image.ndim == 2 or image.shape[2] == 1:  # infrared
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return np.asarray(image, np.uint8)
