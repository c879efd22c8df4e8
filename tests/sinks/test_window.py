from __future__ import annotations

import os
import signal

import pytest

from realtime.sinks.window import _signals_wait


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_opencv_calls_back_is_heard_afterwards(number: signal.Signals) -> None:
    """Raised in the mouse's callback, OpenCV would print and forget it."""
    done = []

    def callback() -> None:
        os.kill(os.getpid(), number)
        done.append("the mouse has moved")

    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), _signals_wait():
            callback()
            done.append("OpenCV has returned")
        assert done == ["the mouse has moved", "OpenCV has returned"]
        assert signal.getsignal(number) is signal.default_int_handler
        with _signals_wait():
            pass  # nothing has come
    finally:
        signal.signal(number, before)
