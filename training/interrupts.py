"""Ctrl-C, where it would come at a bad moment."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def take_interrupts() -> None:
    """Have both raise KeyboardInterrupt. SIGINT too: a shell's background jobs ignore it."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits until the block is over: an import of torch or a callback from C may fail over it, or swallow it."""
    asked: list[int] = []
    before = {number: signal.signal(number, lambda number, _: asked.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise KeyboardInterrupt
