"""The status message on the screen and how long it stays."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

MIN_SECONDS = 2.0  # a message stays at least this long
READING_SPEED = 20  # characters a second


class Messages:
    """The status message: what a command has done replaces it at once, news waits for its turn.

    text: the newest message; count: how many there have been, which tells two equal ones apart.
    now: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.text, self.count = "", 0
        self._now = now
        self._until = 0.0  # when the message disappears
        self._next_news = 0.0  # when the next piece of news may be shown
        self._news: deque[str] = deque()

    @property
    def visible(self) -> str:
        """The message to show now, or ""."""
        return self.text if self._now() < self._until else ""

    def show(self, text: str) -> None:
        """Show a message now, in place of the one before."""
        self.count += 1
        self.text, self._until = text, self._now() + max(MIN_SECONDS, len(text) / READING_SPEED)

    def queue(self, text: str) -> None:
        """Show a message once all news before it has had its time."""
        self._news.append(text)

    def update(self) -> None:
        """Show the next piece of news if its time has come."""
        if self._news and self._now() >= self._next_news:
            self.show(self._news.popleft())
            self._next_news = self._until
