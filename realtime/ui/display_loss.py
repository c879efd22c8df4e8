"""An orderly end when the X server is lost: Qt and Xlib then call C's exit() in the middle of another call."""

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
def finish_on_display_loss(finish: Callable[[], None]) -> Iterator[None]:
    """While the context is active, call `finish` before the loss of the X server ends the process, with status 1."""
    # Other systems have no X server, or a C library whose __cxa_atexit cannot be undone.
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        yield
        return
    libc, key = ctypes.CDLL(None), ctypes.c_byte()  # the address of `key` identifies the handler
    active = True

    def at_exit(_: object) -> None:
        if active:
            logger.error("the screen is gone: the X server has ended")
            try:
                finish()
            finally:
                os._exit(1)

    handler = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(at_exit)
    libc.__cxa_atexit(handler, None, ctypes.byref(key))
    try:
        yield
    finally:
        active = False
        # This calls the handler once more, and removes it: Python would end before exit() calls it.
        libc.__cxa_finalize(ctypes.byref(key))
