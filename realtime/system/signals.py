"""Ctrl-C and other signals that ask the program to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TypeVar

POLL_SECONDS = 0.1  # on Windows a wait without a timeout does not notice Ctrl-C
T = TypeVar("T")

INTERRUPTED_STATUS = 130  # exit status after Ctrl-C: 128 + SIGINT, as shells report it
HANGUP = getattr(signal, "SIGHUP", None)  # the terminal was closed; Windows ends the process instead
SIGNALS = tuple(number for number in (signal.SIGINT, signal.SIGTERM, HANGUP) if number is not None)


def install_interrupt_handlers() -> None:
    """Let SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread.

    SIGINT is set too because background jobs of a shell ignore it. SIGHUP stays ignored if it is, as under `nohup`.
    """
    for number in SIGNALS:
        if number != HANGUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Delay KeyboardInterrupt to the end of the block.

    An import of torch or a callback from C may fail because of an exception in between, or swallow it.
    """
    received: list[int] = []
    handled = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    previous = {number: signal.signal(number, lambda number, _: received.append(number)) for number in handled}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt


def call_interruptible(call: Callable[[], T]) -> T:
    """Return what `call` returns, and raise what it raises.

    The call runs in a thread of its own, so that Ctrl-C can abandon a call that blocks in C for seconds.
    """
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
        wait([future], POLL_SECONDS)
    return future.result()
