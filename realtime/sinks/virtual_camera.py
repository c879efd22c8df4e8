"""A camera that other programs see, through pyvirtualcam (an extra)."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime.errors import OutputError
from realtime.frame import Image
from realtime.imaging import letterbox
from realtime.system.queues import LatestValue

if TYPE_CHECKING:
    import pyvirtualcam

IDLE = 1.0  # s without a new picture: from there on the last one is sent once in that time, for who comes later
_INSTALL = {
    "linux": "install v4l2loopback (Debian, Ubuntu: sudo apt install v4l2loopback-dkms), then "
    "sudo modprobe v4l2loopback exclusive_caps=1 card_label=realtime-stylize",
    "darwin": "install OBS 30 or newer, and start its virtual camera once",
    "win32": "install OBS, or Unity Capture",
}


class VirtualCamera:
    """A device of a fixed size and rate, fed by a thread of its own. Opened by its constructor.

    size: (width, height); fps: pictures a second, the last one again where no newer is there.
    Raises OutputError with the reason of each back end, and what to install. Later ones are in `error`.
    """

    kind = "virtual_camera"  # of an output
    watched = True  # whether another program reads it is not known

    def __init__(self, size: tuple[int, int], fps: float) -> None:
        self.size = (max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2))
        self.fps = fps
        self.sent = 0
        self.error: OutputError | None = None
        self._camera = _open(self.size, fps)
        self.name = f"{self._camera.device} ({self._camera.backend})"
        self._newest: LatestValue[Image] = LatestValue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="virtual camera", daemon=True)
        self._thread.start()

    def show(self, image: Image, captured: float) -> None:
        """Send a picture [H, W, 3] of any size that is not changed afterwards. captured is not used. Never waits."""
        self._newest.put(image)

    def summary(self) -> dict[str, Any]:
        """Return what --stats writes about it."""
        return {"name": self.name, "sent": self.sent}

    def close(self) -> None:
        """Give the device back."""
        self._stop.set()
        self._thread.join(2.0)
        if not self._thread.is_alive():
            self._camera.close()

    def _send(self) -> None:
        picture: Image | None = None
        due = fresh = time.perf_counter()
        try:
            while not self._stop.is_set():
                idle = picture is None or time.perf_counter() - fresh > IDLE
                new = self._newest.take(IDLE / 2 if idle else 0)
                if new is not None:
                    picture, fresh = np.ascontiguousarray(letterbox(new, self.size)), time.perf_counter()
                elif idle and (picture is None or time.perf_counter() < due + IDLE):
                    continue
                if picture is not None:
                    self._camera.send(picture)
                    self.sent += 1
                now = time.perf_counter()
                due = max(now, due + 1 / self.fps)
                self._stop.wait(due - now)
        except Exception as error:  # pyvirtualcam's back ends raise what they like
            self.error = OutputError(f"the virtual camera {self.name} has stopped: {_line(error)}")


def require_virtual_camera() -> None:
    """Raises OutputError where none can be opened: before a real camera's light goes on."""
    _open((640, 480), 30).close()


def _open(size: tuple[int, int], fps: float) -> pyvirtualcam.Camera:
    try:
        import pyvirtualcam
        from pyvirtualcam.camera import BACKENDS
    except ImportError as error:
        raise OutputError(
            f'--virtual-camera needs pyvirtualcam ({_line(error)}): pip install "realtime-stylize[virtualcam]"'
        ) from error
    reasons = []
    for backend in BACKENDS:
        try:
            return pyvirtualcam.Camera(*size, fps, fmt=pyvirtualcam.PixelFormat.BGR, backend=backend)
        except Exception as error:
            reasons.append(f"{backend}: {_line(error).removeprefix(f'{backend!r} backend: ')}")
    remedy = _INSTALL.get(sys.platform, "there is none for this system")
    raise OutputError(f"no virtual camera ({'; '.join(reasons)}); {remedy}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
