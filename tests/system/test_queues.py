from __future__ import annotations

import threading

from realtime.system.queues import LatestValue


def test_the_newest_replaces_the_untaken() -> None:
    slot: LatestValue[int] = LatestValue()
    assert slot.put(1) is False
    assert slot.put(2) is True
    assert slot.take(0) == 2
    assert slot.take(0) is None
    assert slot.put(3) is False


def test_a_waiting_thread_is_woken() -> None:
    slot: LatestValue[str] = LatestValue()
    got: list[str | None] = []
    thread = threading.Thread(target=lambda: got.append(slot.take(30)))
    thread.start()
    slot.put("frame")
    thread.join(10)
    assert got == ["frame"]
