"""A virtual camera, which other programs see, through pyvirtualcam (an extra)."""

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

# After this long without a new frame, the last one is resent once per IDLE_SECONDS, for programs that open the camera
# later.
IDLE_SECONDS = 1.0
_CLOSE_SECONDS = 2.0  # the device's last write may take this long
_INSTALL = {
    "linux": "install v4l2loopback (Debian, Ubuntu: sudo apt install v4l2loopback-dkms), then "
    "sudo modprobe v4l2loopback exclusive_caps=1 card_label=realtime-stylize",
    "darwin": "install OBS 30 or newer, and start its virtual camera once",
    "win32": "install OBS, or Unity Capture",
}


class VirtualCamera:
    """A virtual camera of a fixed size and frame rate, fed by a thread of its own. Opened by its constructor.

    size: (width, height), made even. fps: frames sent a second; without a newer frame the last one is resent.
    name: device and backend. sent: number of frames sent. error: why it has stopped, or None.
    Raises OutputError with the reason of each backend, and what to install.
    """

    kind = "virtual_camera"  # its key in the table of --stats
    in_use = True  # always, since it is not known whether another program reads the camera

    def __init__(self, size: tuple[int, int], fps: float) -> None:
        self.size = (max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2))
        self.fps = fps
        self.sent = 0
        self.error: OutputError | None = None
        self._camera = _open(self.size, fps)
        self.name = f"{self._camera.device} ({self._camera.backend})"
        self._latest: LatestValue[Image] = LatestValue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_at_fixed_rate, name="virtual camera", daemon=True)
        self._thread.start()

    def show(self, image: Image, captured: float) -> None:
        """Send a frame that was shown: [H, W, 3] of any size, not changed afterwards. Never waits. captured: unused."""
        self._latest.put(image)

    def summary(self) -> dict[str, Any]:
        """Return what --stats writes about the camera."""
        return {"name": self.name, "sent": self.sent}

    def close(self) -> None:
        """Stop, and release the device."""
        self._stop.set()
        self._thread.join(_CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._camera.close()

    def _send_at_fixed_rate(self) -> None:
        """Send the latest frame `fps` times a second; run by the camera's thread."""
        frame: Image | None = None
        due = updated = time.perf_counter()
        try:
            while not self._stop.is_set():
                idle = frame is None or time.perf_counter() - updated > IDLE_SECONDS
                new = self._latest.take(IDLE_SECONDS / 2 if idle else 0)
                if new is not None:
                    frame, updated = np.ascontiguousarray(letterbox(new, self.size)), time.perf_counter()
                elif idle and (frame is None or time.perf_counter() < due + IDLE_SECONDS):
                    continue
                if frame is not None:
                    self._camera.send(frame)
                    self.sent += 1
                now = time.perf_counter()
                due = max(now, due + 1 / self.fps)
                self._stop.wait(due - now)
        except Exception as error:  # pyvirtualcam's backends raise exceptions of any type
            self.error = OutputError(f"the virtual camera {self.name} has stopped: {_one_line(error)}")


def require_virtual_camera() -> None:
    """Raise OutputError if no virtual camera can be opened: before a real camera's light goes on."""
    _open((640, 480), 30).close()


def _open(size: tuple[int, int], fps: float) -> pyvirtualcam.Camera:
    """Open the first backend that works. Raises OutputError with the reason of each."""
    try:
        import pyvirtualcam
        from pyvirtualcam.camera import BACKENDS
    except ImportError as error:
        raise OutputError(
            f'--virtual-camera needs pyvirtualcam ({_one_line(error)}): pip install "realtime-stylize[virtualcam]"'
        ) from error
    reasons = []
    for backend in BACKENDS:
        try:
            return pyvirtualcam.Camera(*size, fps, fmt=pyvirtualcam.PixelFormat.BGR, backend=backend)
        except Exception as error:
            reasons.append(f"{backend}: {_one_line(error).removeprefix(f'{backend!r} backend: ')}")
    remedy = _INSTALL.get(sys.platform, "there is none for this system")
    raise OutputError(f"no virtual camera ({'; '.join(reasons)}); {remedy}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
