"""The window's key and mouse handling."""

from __future__ import annotations

import os
import signal

import cv2
import pytest

from realtime.ui.window import Window


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_mouse_callback_is_raised_after_key(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """An exception raised in the mouse callback would be printed and dropped by OpenCV."""
    monkeypatch.setattr("realtime.ui.window.require_display", lambda: None)
    for name in ("namedWindow", "resizeWindow", "setMouseCallback"):
        monkeypatch.setattr(cv2, name, lambda *_: None)
    window = Window("mine", (640, 480))

    def wait(_: int) -> int:
        """Drop what the callback raises, as OpenCV does."""
        try:
            os.kill(os.getpid(), number)
            window._on_mouse(cv2.EVENT_LBUTTONDOWN, 320, 240, 0, None)
        except KeyboardInterrupt:
            pass
        return ord("q")

    monkeypatch.setattr(cv2, "waitKeyEx", wait)
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            window.key(0.001)
        assert [(event.x, event.y) for event in window.mouse_events()] == [(0.5, 0.5)]
        assert signal.getsignal(number) is signal.default_int_handler
        monkeypatch.setattr(cv2, "waitKeyEx", lambda _: ord("q"))
        assert window.key(0.001) == ord("q")
    finally:
        signal.signal(number, before)
