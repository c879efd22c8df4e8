"""A place for one value, where the newest replaces what nobody took."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Hands the newest value from one thread to another; nothing ever queues."""

    def __init__(self) -> None:
        self._value: T | None = None
        self._ready = threading.Condition()

    def put(self, value: T) -> bool:
        """Leave a value; True if it replaced one that was never taken."""
        with self._ready:
            replaced = self._value is not None
            self._value = value
            self._ready.notify()
        return replaced

    def take(self, timeout: float) -> T | None:
        """The value, at most once; None if none comes within `timeout` seconds."""
        with self._ready:
            if self._value is None:
                self._ready.wait(timeout)
            value, self._value = self._value, None
            return value
