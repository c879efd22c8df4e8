"""Two ways to hand values from one thread to another: the newest one only, or all of them in a short queue."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")


T = TypeVar("T")


class LatestValue(Generic[T]):
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


class Abandoned(Exception):
    """The reader has gone: what is put in will not be read."""


class BoundedQueue(Generic[Item]):
    """Holds `room` items; the writer waits while it is full, the reader while it is empty."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._finished = self._abandoned = False
        self._error: BaseException | None = None

    def put(self, item: Item) -> None:
        """Put one in; raises Abandoned when nobody reads any more."""
        with self._changed:
            while len(self._items) >= self._room and not self._abandoned:
                self._changed.wait(0.5)  # short enough for Ctrl-C on every system
            if self._abandoned:
                raise Abandoned
            self._items.append(item)
            self._changed.notify_all()

    def offer(self, item: Item) -> bool:
        """Put one in where there is room; never waits. False where there is none, or nobody reads."""
        with self._changed:
            if len(self._items) >= self._room or self._abandoned:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def finish(self, error: BaseException | None = None) -> None:
        """The writer has no more; an error is raised where the reader comes to the end."""
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        """The reader wants no more."""
        with self._changed:
            self._abandoned = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                while not self._items and not self._finished:
                    self._changed.wait(0.5)
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


def wait_out(*ends: threading.Event) -> None:
    """Wait for all of them, through any Ctrl-C: a film takes seconds to be closed.

    Not by `join`: interrupted there, Python 3.11 takes a thread for ended that is not.
    """
    while not all(over.is_set() for over in ends):
        with suppress(KeyboardInterrupt):
            for over in ends:
                over.wait()
