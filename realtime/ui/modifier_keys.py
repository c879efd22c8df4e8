"""Whether shift is held, which OpenCV does not tell with a function key: asked of the window system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

VK_SHIFT = 0x10  # of Windows
FLAG_SHIFT = 0x20000  # kCGEventFlagMaskShift, of macOS
MASK_SHIFT = 1  # ShiftMask, of X11
QUARTZ = "/System/Library/Frameworks/ApplicationServices.framework/ApplicationServices"


def watch_shift() -> Callable[[], bool]:
    """A function that says whether shift is held now; always no where that cannot be asked."""
    try:
        if sys.platform == "win32":
            user = ctypes.windll.user32
            return lambda: bool(user.GetAsyncKeyState(VK_SHIFT) & 0x8000)
        if sys.platform == "darwin":
            flags = ctypes.CDLL(QUARTZ).CGEventSourceFlagsState
            flags.restype, flags.argtypes = ctypes.c_uint64, [ctypes.c_int32]
            return lambda: bool(flags(0) & FLAG_SHIFT)  # 0: of this session's keyboards together
        return _x11()
    except (OSError, AttributeError):
        return lambda: False


def _x11() -> Callable[[], bool]:
    """By a connection of its own to the X server; to be called from one thread only."""
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
        return bool(mask.value & MASK_SHIFT)

    return held
