"""The camera permission of macOS, with a fake PyObjC."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from realtime.sources.camera_permission import MAX_TURNS, ask_permission


class Mac:
    """A fake of macOS's frameworks: the user answers after so many turns of the run loop."""

    def __init__(self, status: int, turns: float) -> None:
        self.status, self.turns_left, self.turned = status, turns, 0
        self.handlers: list[Callable[[bool], None]] = []

    def authorizationStatusForMediaType_(self, kind: str) -> int:
        assert kind == "vide"
        return self.status

    def requestAccessForMediaType_completionHandler_(self, kind: str, answer: Callable[[bool], None]) -> None:
        self.handlers.append(answer)

    def runUntilDate_(self, date: float) -> None:
        assert date == 0.1
        self.turned += 1
        self.turns_left -= 1
        if self.turns_left == 0:
            self.handlers[0](False)


@pytest.mark.parametrize(
    ("status", "turns", "expected"), [(0, 3, 3), (2, 3, 0), (3, 3, 0), (0, float("inf"), MAX_TURNS)]
)
def test_ask_permission_waits_for_the_answer_if_undetermined(
    monkeypatch: pytest.MonkeyPatch, status: int, turns: float, expected: int
) -> None:
    mac = Mac(status, turns)
    loop = SimpleNamespace(currentRunLoop=lambda: mac)
    date = SimpleNamespace(dateWithTimeIntervalSinceNow_=lambda seconds: seconds)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "AVFoundation", SimpleNamespace(AVCaptureDevice=mac, AVMediaTypeVideo="vide"))
    monkeypatch.setitem(sys.modules, "Foundation", SimpleNamespace(NSRunLoop=loop, NSDate=date))
    ask_permission()
    assert (mac.turned, len(mac.handlers)) == (expected, 1 if status == 0 else 0)


def test_ask_permission_without_pyobjc_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "AVFoundation", None)
    ask_permission()
