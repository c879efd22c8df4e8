"""The window on the screen, by OpenCV. Everything here runs on the main thread."""

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
from realtime.ui.window_state import watch_minimised

SHIFT_KEYS = (65505, 65506)  # X11's codes, left and right; Qt reports them as keys of their own
SHIFT_SECONDS = 0.5  # a key this soon after shift counts as pressed with it if the window system cannot be asked
WHEEL_SECONDS = 0.3  # after this time without a turn of the wheel its enlargement is undone
MIN_CANVAS_SIDE = 64  # pixels
MAX_PENDING_EVENTS = 64
NO_WINDOW_HINT = "use --no-window, or start it where there is a screen"


@dataclass(frozen=True)
class MouseEvent:
    """The left button pressed, or dragged, on the picture. x, y: 0 to 1 within the picture."""

    x: float
    y: float
    pressed: bool


class Window:
    """An OpenCV window that shows pictures at its own size.

    size: (width, height) to open with. area: (left, top, width, height) of the picture in the window, as composed
    last. Raises DisplayError if there is no screen.
    """

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        require_display()
        self.title = title
        self._opened = size
        self.full_screen = False
        self.area = (0, 0, *size)
        self._mouse_events: deque[MouseEvent] = deque(maxlen=MAX_PENDING_EVENTS)
        self._is_minimised: Callable[[], bool] | None = None
        self._is_shift_held: Callable[[], bool] | None = None
        self._shift_pressed_at = float("-inf")
        self._last_key_shifted = False  # the newest key came right after shift
        self._wheel_turned_at: float | None = None
        _set_fine_timer(True)
        try:
            self._open(size)
        except cv2.error as error:
            raise DisplayError(
                "this OpenCV has no windows (opencv-python-headless?): pip install opencv-python; " + NO_WINDOW_HINT
            ) from error

    def _open(self, size: tuple[int, int]) -> None:
        cv2.namedWindow(self.title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.resizeWindow(self.title, *size)
        cv2.setMouseCallback(self.title, self._on_mouse)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the drawable area now, in pixels.

        On macOS it is the size that the window was opened with: OpenCV returns the picture's size there, and scales
        the picture itself.
        """
        if sys.platform == "darwin":
            return self._opened
        _, _, width, height = cv2.getWindowImageRect(self.title)
        return max(width, MIN_CANVAS_SIDE), max(height, MIN_CANVAS_SIDE)

    @property
    def closed(self) -> bool:
        """Whether the user has closed the window."""
        try:
            if sys.platform == "darwin":  # windows have no close box there, and a minimised one is not visible
                cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE)
                return False
            return cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:
            return True

    @property
    def minimised(self) -> bool:
        """Whether the window is minimised, as far as the window system can be asked."""
        if self._is_minimised is None:
            self._is_minimised = watch_minimised(self.title)
        return self._is_minimised()

    @property
    def zoomed(self) -> bool:
        """Whether the mouse wheel has enlarged the picture, which `show` undoes."""
        return self._wheel_turned_at is not None and time.perf_counter() - self._wheel_turned_at > WHEEL_SECONDS

    def compose(self, picture: Image) -> Image:
        """Return the picture scaled into the window, with black bars where the shapes differ: a new array."""
        size = self.size
        self.area = letterbox_area(picture, size)
        canvas = letterbox(picture, size)
        return canvas.copy() if canvas is picture else canvas

    def show(self, canvas: Image) -> None:
        """Show a canvas that `compose` has made."""
        if self.zoomed:
            self._unzoom()
        cv2.imshow(self.title, canvas)

    def _unzoom(self) -> None:
        """Open the window anew in its place: the wheel enlarges Qt's windows, and OpenCV cannot undo that."""
        self._wheel_turned_at = None
        left, top, *size = cv2.getWindowImageRect(self.title)
        cv2.destroyWindow(self.title)
        self._open((size[0], size[1]))
        if self.full_screen:
            cv2.setWindowProperty(self.title, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)
        else:
            cv2.moveWindow(self.title, left, top)

    def key(self, wait: float) -> int:
        """Return the key pressed within `wait` seconds, as waitKeyEx does, or -1; process the window's events."""
        with defer_interrupts():  # raised in the mouse callback, OpenCV would print KeyboardInterrupt and drop it
            code = int(cv2.waitKeyEx(max(1, round(wait * 1000))))
        if code >= 0:
            now = time.perf_counter()
            self._last_key_shifted = now - self._shift_pressed_at < SHIFT_SECONDS
            self._shift_pressed_at = now if code in SHIFT_KEYS else float("-inf")
        return code

    def shift_held(self) -> bool:
        """Whether shift is held now, or was pressed just before the newest key."""
        if self._is_shift_held is None:
            self._is_shift_held = watch_shift()
        return self._is_shift_held() or self._last_key_shifted

    def mouse_events(self) -> Iterator[MouseEvent]:
        """Yield the mouse events since the last call."""
        while self._mouse_events:
            yield self._mouse_events.popleft()

    def _on_mouse(self, event: int, x: int, y: int, flags: int, _: object) -> None:
        if event in (cv2.EVENT_MOUSEWHEEL, cv2.EVENT_MOUSEHWHEEL) and sys.platform == "linux":
            self._wheel_turned_at = time.perf_counter()
        pressed = event == cv2.EVENT_LBUTTONDOWN
        if pressed or (event == cv2.EVENT_MOUSEMOVE and flags & cv2.EVENT_FLAG_LBUTTON):
            left, top, width, height = self.area
            self._mouse_events.append(MouseEvent((x - left) / width, (y - top) / height, pressed))

    def toggle_full_screen(self) -> None:
        """Fill the screen, or return to a window."""
        self.full_screen = not self.full_screen
        mode = cv2.WINDOW_FULLSCREEN if self.full_screen else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(self.title, cv2.WND_PROP_FULLSCREEN, mode)

    def close(self) -> None:
        """Close the window."""
        _set_fine_timer(False)
        if not self.closed:
            cv2.destroyWindow(self.title)
            cv2.waitKey(1)  # processes the events that close it

    def __enter__(self) -> Window:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _set_fine_timer(on: bool) -> None:
    """Have Windows wake sleeping threads every millisecond, not every 15.6 ms: OpenCV sleeps to wait for a key."""
    if sys.platform == "win32":
        (ctypes.windll.winmm.timeBeginPeriod if on else ctypes.windll.winmm.timeEndPeriod)(1)


def require_display() -> None:
    """Raise DisplayError if there is no X server: Qt would abort the process when a window is opened."""
    if not sys.platform.startswith("linux"):
        return
    # Qt inside opencv-python supports X11 only; under Wayland that is XWayland.
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")  # display_loss reports the end of the X server
    name = os.environ.get("DISPLAY", "")
    if not name:
        raise DisplayError(f"there is no screen (DISPLAY is not set); {NO_WINDOW_HINT}")
    if not _x_server_answers(name):
        raise DisplayError(f"no X server answers on DISPLAY={name}; {NO_WINDOW_HINT}")


def _x_server_answers(name: str) -> bool:
    """Whether the X server of DISPLAY accepts a client."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return _x_socket_answers(name)
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    # The display stays open: a server without a window manager (Xvfb) restarts when its last client leaves, and
    # would refuse Qt a moment later.
    return bool(display)


def _x_socket_answers(name: str) -> bool:
    """Whether the socket of DISPLAY's X server accepts a connection, for systems without Xlib."""
    host, _, rest = name.rpartition(":")
    number = rest.partition(".")[0]
    if not (number.isascii() and number.isdigit()):
        return False
    try:
        if host in ("", "unix"):
            path = f"/tmp/.X11-unix/X{number}"
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as local:
                local.connect(path if os.path.exists(Path(path)) else "\0" + path)
        else:
            socket.create_connection((host, 6000 + int(number)), timeout=3).close()
    except OSError:
        return False
    return True
