"""Whether a window is minimised, which OpenCV does not report: X11 and Windows are asked; elsewhere always False."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 3  # nested windows searched: a window manager puts a frame or two around ours
ICONIC_STATE = 3  # a value of WM_STATE: ICCCM 4.1.3.1
XA_CARDINAL = 6  # defined in Xatom.h
MAP_NOTIFY, NO_EVENT_MASK = 19, 0  # defined in X.h; without a mask, an event goes to the creator of the window only
IS_VIEWABLE = 2  # a value of map_state, defined in X.h: the window and all that contain it are mapped


def watch_minimised(title: str) -> Callable[[], bool]:
    """Return a function that tells whether this process's window of that title is minimised now."""
    try:
        if sys.platform == "win32":
            return lambda: _is_iconic(title)
        if sys.platform == "linux":
            return _X11(title).minimised
    except (OSError, AttributeError):
        pass
    return lambda: False


def _is_iconic(title: str) -> bool:
    """Ask Windows. Other processes may have windows of the same title."""
    if sys.platform != "win32":
        return False
    user, handle = ctypes.windll.user32, ctypes.c_void_p
    find = user.FindWindowExW
    find.restype = handle
    find.argtypes = [handle, handle, ctypes.c_wchar_p, ctypes.c_wchar_p]
    user.GetWindowThreadProcessId.argtypes, user.IsIconic.argtypes = [handle, handle], [handle]
    window, process = None, ctypes.c_ulong()
    while window := find(None, window, None, title):
        user.GetWindowThreadProcessId(window, ctypes.byref(process))
        if process.value == os.getpid():
            return bool(user.IsIconic(window))
    return False


# Xlib keeps these handlers, and may call them after the window has been closed.
_ignore_error = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda display, event: 0)
_ignore_io_error = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda display: 0)


class _MapEvent(ctypes.Structure):
    """XMapEvent of Xlib.h, as long as an XEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("event", ctypes.c_ulong),
        ("window", ctypes.c_ulong),
        ("override_redirect", ctypes.c_int),
        ("padding", ctypes.c_long * 24),
    )


class _Attributes(ctypes.Structure):
    """XWindowAttributes of Xlib.h."""

    _fields_ = (
        ("geometry", ctypes.c_int * 6),
        ("visual", ctypes.c_void_p),
        ("root", ctypes.c_ulong),
        ("class_gravities_and_backing_store", ctypes.c_int * 4),
        ("backing_planes_and_pixel", ctypes.c_ulong * 2),
        ("save_under", ctypes.c_int),
        ("colormap", ctypes.c_ulong),
        ("map_installed", ctypes.c_int),
        ("map_state", ctypes.c_int),
        ("event_masks", ctypes.c_long * 3),
        ("override_redirect", ctypes.c_int),
        ("screen", ctypes.c_void_p),
    )


class _X11:
    """A separate connection to the X server; its methods are called from one thread only."""

    def __init__(self, title: str) -> None:
        self._title = title.encode()
        self._x = x = ctypes.CDLL("libX11.so.6")
        pointer, number = ctypes.c_void_p, ctypes.c_ulong
        x.XOpenDisplay.restype, x.XOpenDisplay.argtypes = pointer, [ctypes.c_char_p]
        x.XDefaultRootWindow.restype, x.XDefaultRootWindow.argtypes = number, [pointer]
        x.XInternAtom.restype, x.XInternAtom.argtypes = number, [pointer, ctypes.c_char_p, ctypes.c_int]
        x.XFree.argtypes = [pointer]
        x.XFetchName.argtypes = [pointer, number, pointer]
        x.XQueryTree.argtypes = [pointer, number, *[pointer] * 4]
        x.XGetWindowProperty.argtypes = [
            *(pointer, number, number, ctypes.c_long, ctypes.c_long, ctypes.c_int, number),
            *[pointer] * 5,
        ]
        x.XGetWindowAttributes.argtypes = [pointer, number, pointer]
        x.XSendEvent.argtypes = [pointer, number, ctypes.c_int, ctypes.c_long, pointer]
        x.XFlush.argtypes = [pointer]
        x.XSetIOErrorHandler(_ignore_io_error)  # the default one prints; Xlib ends the process after either
        self._display = x.XOpenDisplay(None)
        if not self._display:
            raise OSError("no X server")
        self._state = x.XInternAtom(self._display, b"WM_STATE", 0)
        self._process = x.XInternAtom(self._display, b"_NET_WM_PID", 0)
        self._window = 0
        self._is_map_event_repeated = False

    def minimised(self) -> bool:
        """Whether the window is minimised."""
        # The window may have been closed; without this handler Xlib would end the process when it is asked about.
        self._x.XSetErrorHandler(_ignore_error)
        if not self._is_ours(self._window):  # it is not known yet, or was opened anew
            self._window = self._find(self._x.XDefaultRootWindow(self._display), MAX_DEPTH)
            self._is_map_event_repeated = False
        if not self._is_map_event_repeated and self._is_viewable(self._window):
            self._repeat_map_event()
            self._is_map_event_repeated = True
        return self._property(self._window, self._state, self._state) == ICONIC_STATE

    def _repeat_map_event(self) -> None:
        """Tell Qt once more that its window is on the screen, which makes it draw the window.

        Qt loses the event itself now and then (of 100 windows opened on a busy machine, one to five stayed empty).
        """
        event = _MapEvent(type=MAP_NOTIFY, event=self._window, window=self._window)
        self._x.XSendEvent(self._display, self._window, 0, NO_EVENT_MASK, ctypes.byref(event))
        self._x.XFlush(self._display)

    def _find(self, window: int, depth: int) -> int:
        """Return the window of our title and process, or 0.

        Without a window manager no window has a WM_STATE, so that is not asked for.
        """
        if self._is_ours(window):
            return window
        children = self._children(window) if depth else []
        return next((found for child in children if (found := self._find(child, depth - 1))), 0)

    def _is_ours(self, window: int) -> bool:
        is_of_this_process = self._property(window, self._process, XA_CARDINAL) == os.getpid()
        return is_of_this_process and self._name(window) == self._title

    def _is_viewable(self, window: int) -> bool:
        attributes = _Attributes()
        found = self._x.XGetWindowAttributes(self._display, window, ctypes.byref(attributes))
        return bool(found) and attributes.map_state == IS_VIEWABLE

    def _name(self, window: int) -> bytes:
        name = ctypes.c_char_p()
        if not self._x.XFetchName(self._display, window, ctypes.byref(name)):
            return b""
        text = name.value or b""
        self._x.XFree(name)
        return text

    def _children(self, window: int) -> list[int]:
        root, parent, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
        children = ctypes.POINTER(ctypes.c_ulong)()
        places: list[Any] = [ctypes.byref(place) for place in (root, parent, children, count)]
        if not self._x.XQueryTree(self._display, window, *places) or not count.value:
            return []
        found = children[: count.value]
        self._x.XFree(children)
        return found

    def _property(self, window: int, name: int, wanted: int) -> int | None:
        """Return the first number of a property, or None if the window does not have it."""
        kind, left, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_ulong()
        bits, data = ctypes.c_int(), ctypes.POINTER(ctypes.c_ulong)()
        places: list[Any] = [ctypes.byref(place) for place in (kind, bits, count, left, data)]
        status = self._x.XGetWindowProperty(self._display, window, name, 0, 1, 0, wanted, *places)
        if status != 0 or not data:
            return None
        number = int(data[0]) if count.value else None
        self._x.XFree(data)
        return number
