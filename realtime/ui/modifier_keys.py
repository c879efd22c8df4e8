"""Whether shift is held, which OpenCV does not report with a function key: asked of the window system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

VK_SHIFT = 0x10  # Windows
SHIFT_FLAG = 0x20000  # macOS: kCGEventFlagMaskShift
SHIFT_MASK = 1  # X11: ShiftMask
COMBINED_SESSION_STATE = 0  # macOS: all keyboards of the session
QUARTZ = "/System/Library/Frameworks/ApplicationServices.framework/ApplicationServices"


def watch_shift() -> Callable[[], bool]:
    """Return a function that tells whether shift is held now; always False if the system cannot be asked."""
    try:
        if sys.platform == "win32":
            user = ctypes.windll.user32
            return lambda: bool(user.GetAsyncKeyState(VK_SHIFT) & 0x8000)
        if sys.platform == "darwin":
            flags = ctypes.CDLL(QUARTZ).CGEventSourceFlagsState
            flags.restype, flags.argtypes = ctypes.c_uint64, [ctypes.c_int32]
            return lambda: bool(flags(COMBINED_SESSION_STATE) & SHIFT_FLAG)
        return _watch_x11()
    except (OSError, AttributeError):
        return lambda: False


def _watch_x11() -> Callable[[], bool]:
    """Return a function that asks the X server over a connection of its own; only one thread may call it."""
    x = ctypes.CDLL("libX11.so.6")
    pointer, number = ctypes.c_void_p, ctypes.c_ulong
    x.XOpenDisplay.restype, x.XOpenDisplay.argtypes = pointer, [ctypes.c_char_p]
    x.XDefaultRootWindow.restype, x.XDefaultRootWindow.argtypes = number, [pointer]
    x.XQueryPointer.argtypes = [pointer, number, *[pointer] * 7]
    display = x.XOpenDisplay(None)
    if not display:
        raise OSError("no X server")
    root = x.XDefaultRootWindow(display)

    def held() -> bool:
        windows = [ctypes.c_ulong() for _ in range(2)]
        numbers = [ctypes.c_int() for _ in range(4)]
        mask = ctypes.c_uint()
        places: list[Any] = [ctypes.byref(place) for place in (*windows, *numbers, mask)]
        x.XQueryPointer(display, root, *places)
        return bool(mask.value & SHIFT_MASK)

    return held
