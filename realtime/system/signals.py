"""Ctrl-C, where it would come at a bad moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TypeVar

PATIENCE = 0.1  # s, short enough for Ctrl-C on every system
T = TypeVar("T")

HANGUP = getattr(signal, "SIGHUP", None)  # the terminal was closed; Windows ends the process itself
SIGNALS = tuple(number for number in (signal.SIGINT, signal.SIGTERM, HANGUP) if number is not None)


def take_interrupts() -> None:
    """Have all of them raise KeyboardInterrupt. SIGINT too: a shell's background jobs ignore it; `nohup` is heeded."""
    for number in SIGNALS:
        if number != HANGUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits until the block is over: an import of torch or a callback from C may fail over it, or swallow it."""
    asked: list[int] = []
    heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda number, _: asked.append(number)) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise KeyboardInterrupt


def interruptible(call: Callable[[], T]) -> T:
    """What `call` returns. Ctrl-C does not wait for it, but leaves it behind: for what blocks in C for seconds."""
    if threading.current_thread() is not threading.main_thread():
        return call()
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="interruptible", daemon=True).start()
    while not future.done():
        wait([future], PATIENCE)
    return future.result()
