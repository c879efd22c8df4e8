"""Two ways to pass values between threads: only the newest one, or every one through a bounded queue."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.5  # on Windows a wait without a timeout does not notice Ctrl-C


class LatestValue(Generic[T]):
    """A place for one value, passed from one thread to another. A new value replaces one that was not taken."""

    def __init__(self) -> None:
        self._value: T | None = None
        self._ready = threading.Condition()

    def put(self, value: T) -> bool:
        """Set the value. Return True if it replaced one that was never taken."""
        with self._ready:
            replaced = self._value is not None
            self._value = value
            self._ready.notify()
        return replaced

    def take(self, timeout: float) -> T | None:
        """Return the value and remove it, or None if none comes within `timeout` seconds."""
        with self._ready:
            if self._value is None:
                self._ready.wait(timeout)
            value, self._value = self._value, None
            return value


class Abandoned(Exception):
    """The reader of a queue has stopped: items put into it would not be read."""


class BoundedQueue(Generic[T]):
    """A queue between one writer and one reader; the writer waits while it is full, the reader while it is empty."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._finished = self._abandoned = False
        self._error: BaseException | None = None

    def put(self, item: T) -> None:
        """Append an item, waiting for room. Raises Abandoned once the reader has stopped."""
        with self._changed:
            while len(self._items) >= self._capacity and not self._abandoned:
                self._changed.wait(POLL_SECONDS)
            if self._abandoned:
                raise Abandoned
            self._items.append(item)
            self._changed.notify_all()

    def offer(self, item: T) -> bool:
        """Append an item if there is room, without waiting. Return False if the queue is full or abandoned."""
        with self._changed:
            if len(self._items) >= self._capacity or self._abandoned:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def finish(self, error: BaseException | None = None) -> None:
        """End the queue after its last item; the reader then stops, or raises `error`."""
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        """Stop reading, and discard the items."""
        with self._changed:
            self._abandoned = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                while not self._items and not self._finished:
                    self._changed.wait(POLL_SECONDS)
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


def wait_through_interrupts(*events: threading.Event) -> None:
    """Wait until all the events are set, ignoring Ctrl-C: closing a video file takes seconds.

    Not `Thread.join`: after an interrupted join, Python 3.11 reports a running thread as ended.
    """
    while not all(event.is_set() for event in events):
        with suppress(KeyboardInterrupt):
            for event in events:
                event.wait()
