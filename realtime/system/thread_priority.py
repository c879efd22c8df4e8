"""Encoders do not make themselves more urgent than everything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def unhurried() -> Iterator[None]:
    """Open an encoder within it; afterwards no thread is a real-time one that was not before.

    SVT-AV1 makes its threads such, and the one that opens it, where it may (as root, so in many a container), and
    whatever that one starts later; all others then wait for them, the window and the rest of the machine too.
    """
    before = real_time_threads()
    try:
        yield
    finally:
        for thread in real_time_threads() - before:
            with suppress(OSError):  # it has ended
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def real_time_threads() -> set[int]:
    """Those of this process; elsewhere than on Linux none are known."""
    found = set[int]()
    if sys.platform == "linux":
        for thread in map(int, os.listdir("/proc/self/task")):
            with suppress(OSError):
                if os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR):
                    found.add(thread)
    return found
