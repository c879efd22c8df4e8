"""The end of the screen: Qt and Xlib then end the process by C's exit(), in the middle of a call."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def last_words(finish: Callable[[], None]) -> Iterator[None]:
    """Within it, should the X server go, `finish` is called before the process ends with status 1."""
    # Elsewhere there is no X server, or no way back from __cxa_atexit.
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        yield
        return
    libc, mine = ctypes.CDLL(None), ctypes.c_byte()
    armed = True

    def at_exit(_: object) -> None:
        if armed:
            logger.error("the screen is gone: the X server has ended")
            try:
                finish()
            finally:
                os._exit(1)

    handler = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(at_exit)
    libc.__cxa_atexit(handler, None, ctypes.byref(mine))
    try:
        yield
    finally:
        armed = False
        libc.__cxa_finalize(ctypes.byref(mine))  # calls it once more, and forgets it: Python ends before exit() does
