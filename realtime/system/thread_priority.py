"""Scheduling of the threads that encoders start."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def restore_thread_priority() -> Iterator[None]:
    """Undo the real-time scheduling that an encoder opened in this block sets on its threads.

    SVT-AV1 makes its threads real-time ones, and the thread that opens it, where it is allowed to (as root, so in many
    containers). Threads started later inherit it. All other threads, the window's and other programs' too, then wait.
    """
    before = real_time_threads()
    try:
        yield
    finally:
        for thread in real_time_threads() - before:
            with suppress(OSError):  # the thread has ended
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def real_time_threads() -> set[int]:
    """Return the ids of this process's real-time threads. On systems other than Linux the set is empty."""
    found = set[int]()
    if sys.platform == "linux":
        for thread in map(int, os.listdir("/proc/self/task")):
            with suppress(OSError):
                if os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR):
                    found.add(thread)
    return found
