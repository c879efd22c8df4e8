"""A lock that many threads hold together, or one thread alone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class SharedLock:
    """A readers-writer lock that prefers writers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders = 0  # threads that hold the lock together
        self._waiting = 0  # threads that hold it alone, or wait to

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock together with other threads."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting)
            self._holders += 1
        try:
            yield
        finally:
            with self._changed:
                self._holders -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock alone: wait for the threads that hold it, and keep new ones out."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._holders)
                yield  # the condition's own lock is held, so no other thread can enter
            finally:
                self._waiting -= 1
                self._changed.notify_all()
