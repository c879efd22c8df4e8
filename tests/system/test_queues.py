"""`LatestValue` between two threads."""

from __future__ import annotations

import threading

from realtime.system.queues import LatestValue


def test_latest_value_replaces_one_that_was_not_taken() -> None:
    latest: LatestValue[int] = LatestValue()
    assert latest.put(1) is False
    assert latest.put(2) is True
    assert latest.take(0) == 2
    assert latest.take(0) is None
    assert latest.put(3) is False


def test_latest_value_wakes_a_waiting_thread() -> None:
    latest: LatestValue[str] = LatestValue()
    got: list[str | None] = []
    thread = threading.Thread(target=lambda: got.append(latest.take(30)))
    thread.start()
    latest.put("frame")
    thread.join(60)
    assert got == ["frame"]
