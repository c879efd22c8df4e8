"""The window on the screen. Everything here runs on the main thread."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2

from realtime.errors import DisplayError
from realtime.frame import Image
from realtime.imaging import letterbox, letterbox_area
from realtime.system.signals import defer_interrupts
from realtime.ui.modifier_keys import watch_shift
from realtime.ui.window_state import watch

SHIFT_KEYS = (65505, 65506)  # X11's codes, left and right: Qt tells them apart from the key that follows
SHIFT_SECONDS = 0.5  # that a key pressed after it belongs to it, where the window system cannot be asked
WHEEL_SECONDS = 0.3  # without another turn, after which what it did is undone
NO_WINDOW_HINT = "use --no-window, or start it where there is a screen"


@dataclass(frozen=True)
class Touch:
    """The left button on the picture. x, y: 0 to 1 within it; pressed: now, else it is being dragged."""

    x: float
    y: float
    pressed: bool


class Window:
    """An OpenCV window that shows pictures at its own size.

    size: (width, height) to open with. Raises DisplayError where there is no screen.
    """

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        require_display()
        self.title = title
        self._opened = size
        self.full_screen = False
        self.area = (0, 0, *size)  # (left, top, width, height) of the picture in the window, as composed last
        self._touches: deque[Touch] = deque(maxlen=64)
        self._minimised: Callable[[], bool] | None = None
        self._shift_held: Callable[[], bool] | None = None
        self._shift_pressed = float("-inf")
        self._shifted = False  # the key that came last came right after shift
        self._wheeled: float | None = None  # when the mouse wheel was turned last
        _fine_timer(True)
        try:
            self._open(size)
        except cv2.error as error:
            raise DisplayError(
                "this OpenCV has no windows (opencv-python-headless?): pip install opencv-python; " + NO_WINDOW_HINT
            ) from error

    def _open(self, size: tuple[int, int]) -> None:
        cv2.namedWindow(self.title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.resizeWindow(self.title, *size)
        cv2.setMouseCallback(self.title, self._mouse)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the drawable area now, in pixels.

        On macOS the size it was opened with: OpenCV tells that of the picture there, and scales it itself.
        """
        if sys.platform == "darwin":
            return self._opened
        _, _, width, height = cv2.getWindowImageRect(self.title)
        return max(width, 64), max(height, 64)

    @property
    def closed(self) -> bool:
        """Whether the user has closed it."""
        try:
            if sys.platform == "darwin":  # a minimised window is not visible there, and none has a close box
                cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE)
                return False
            return cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:
            return True

    @property
    def minimised(self) -> bool:
        """Whether nobody can see it, as far as the window system tells."""
        if self._minimised is None:
            self._minimised = watch(self.title)
        return self._minimised()

    @property
    def zoomed(self) -> bool:
        """Whether the mouse wheel has enlarged it, which `show` undoes."""
        return self._wheeled is not None and time.perf_counter() - self._wheeled > WHEEL_SECONDS

    def compose(self, picture: Image) -> Image:
        """The picture scaled into the window, with black bars where the shapes differ: a new array."""
        size = self.size
        self.area = letterbox_area(picture, size)
        canvas = letterbox(picture, size)
        return canvas.copy() if canvas is picture else canvas

    def show(self, canvas: Image) -> None:
        """Put it on the screen, as large as `compose` made it."""
        if self.zoomed:
            self._unzoom()
        cv2.imshow(self.title, canvas)

    def _unzoom(self) -> None:
        """Qt's windows are enlarged by the wheel, figures and all, and know no way back: open it anew, in its place."""
        self._wheeled = None
        left, top, *size = cv2.getWindowImageRect(self.title)
        cv2.destroyWindow(self.title)
        self._open((size[0], size[1]))
        if self.full_screen:
            cv2.setWindowProperty(self.title, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)
        else:
            cv2.moveWindow(self.title, left, top)

    def key(self, wait: float) -> int:
        """The key pressed within `wait` seconds, as waitKeyEx has it, or -1. KeyboardInterrupt comes after it."""
        with defer_interrupts():  # what `_mouse` raised, OpenCV would print and forget
            code = int(cv2.waitKeyEx(max(1, round(wait * 1000))))
        if code >= 0:
            now = time.perf_counter()
            self._shifted = now - self._shift_pressed < SHIFT_SECONDS
            self._shift_pressed = now if code in SHIFT_KEYS else float("-inf")
        return code

    def shift(self) -> bool:
        """Whether shift is held now, or was pressed just before the key that came last."""
        if self._shift_held is None:
            self._shift_held = watch_shift()
        return self._shift_held() or self._shifted

    def touches(self) -> Iterator[Touch]:
        """What the mouse has done to the picture since this was asked last."""
        while self._touches:
            yield self._touches.popleft()

    def _mouse(self, event: int, x: int, y: int, flags: int, _: object) -> None:
        if event in (cv2.EVENT_MOUSEWHEEL, cv2.EVENT_MOUSEHWHEEL) and sys.platform == "linux":
            self._wheeled = time.perf_counter()
        down = event == cv2.EVENT_LBUTTONDOWN
        if down or (event == cv2.EVENT_MOUSEMOVE and flags & cv2.EVENT_FLAG_LBUTTON):
            left, top, width, height = self.area
            self._touches.append(Touch((x - left) / width, (y - top) / height, down))

    def toggle_full_screen(self) -> None:
        """To the whole screen, or back."""
        self.full_screen = not self.full_screen
        mode = cv2.WINDOW_FULLSCREEN if self.full_screen else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(self.title, cv2.WND_PROP_FULLSCREEN, mode)

    def close(self) -> None:
        """Take it off the screen."""
        _fine_timer(False)
        if not self.closed:
            cv2.destroyWindow(self.title)
            cv2.waitKey(1)  # lets the window system do it

    def __enter__(self) -> Window:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _fine_timer(on: bool) -> None:
    """Windows wakes sleepers every 15.6 ms unless asked for more, and OpenCV sleeps whenever it looks for a key."""
    if sys.platform == "win32":
        (ctypes.windll.winmm.timeBeginPeriod if on else ctypes.windll.winmm.timeEndPeriod)(1)


def require_display() -> None:
    """Raise DisplayError where opening a window would abort the process, as Qt does without an X server."""
    if not sys.platform.startswith("linux"):
        return
    # Qt inside opencv-python speaks X11 only; under Wayland that is XWayland.
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")  # of the end of the screen we say it ourselves
    name = os.environ.get("DISPLAY", "")
    if not name:
        raise DisplayError(f"there is no screen (DISPLAY is not set); {NO_WINDOW_HINT}")
    if not _x_server_answers(name):
        raise DisplayError(f"no X server answers on DISPLAY={name}; {NO_WINDOW_HINT}")


def _x_server_answers(name: str) -> bool:
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return _x_socket_answers(name)
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    # Left open: a server without a window manager (Xvfb) restarts when its last client leaves, and
    # would refuse Qt the moment after.
    return bool(display)


def _x_socket_answers(name: str) -> bool:
    host, _, rest = name.rpartition(":")
    number = rest.partition(".")[0]
    if not (number.isascii() and number.isdigit()):
        return False
    try:
        if host in ("", "unix"):
            path = f"/tmp/.X11-unix/X{number}"
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as local:
                local.connect(path if Path(path).exists() else "\0" + path)
        else:
            socket.create_connection((host, 6000 + int(number)), timeout=3).close()
    except OSError:
        return False
    return True
