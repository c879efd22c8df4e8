"""Reopening after a loss of signal, and switching sources, on a fake clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from realtime.errors import NoCamera, SignalLost, SourceError
from realtime.frame import Frame
from realtime.sources.base import Source
from realtime.sources.reconnect import ReconnectingSource
from realtime.system.clock import FakeClock, SystemClock

IMAGE = np.zeros((4, 6, 3), np.uint8)
LOST = SignalLost("camera 0 has stopped sending")
Step = float | Exception


class Scripted(Source):
    """A source with scripted reads: a float is a frame that takes so many seconds; an error is raised."""

    name = "scripted"
    size = (6, 4)
    fps = 30.0
    decode_errors = 2
    mirror = True

    def __init__(self, clock: FakeClock, steps: Sequence[Step]) -> None:
        self.clock, self.steps, self.closed = clock, list(steps), 0
        self.begin: float | None = None

    def read(self) -> Frame:
        step = self.steps.pop(0) if self.steps else LOST
        if isinstance(step, Exception):
            raise step
        self.clock.advance(step)
        now = self.clock.now()
        if self.begin is None:
            self.begin = now
        return Frame(IMAGE, now - self.begin, now)

    def close(self) -> None:
        self.closed += 1


class Script:
    """An opener: each entry is the steps of one connection, or the error of opening it. Then it sets `stop`."""

    def __init__(self, *connections: Sequence[Step] | Exception) -> None:
        self.clock, self.stop = FakeClock(start=50), threading.Event()
        self.connections = list(connections)
        self.opened: list[Scripted] = []

    def __call__(self) -> Source:
        if not self.connections:
            self.stop.set()
            raise LOST
        connection = self.connections.pop(0)
        if isinstance(connection, Exception):
            raise connection
        self.opened.append(Scripted(self.clock, connection))
        return self.opened[-1]

    def source(self) -> ReconnectingSource:
        return ReconnectingSource(self, stop=self.stop, clock=self.clock)


class HourlongClock(SystemClock):
    """A clock whose waits last an hour each, unless stopped."""

    def __init__(self) -> None:
        self.waiting = threading.Event()

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        self.waiting.set()
        return super().wait(3600, stop)


def pts_of(frame: Frame | None) -> float:
    assert frame is not None
    return round(frame.pts, 6)


def test_lost_source_is_reopened_and_counted() -> None:
    script = Script([0.0, 0.1, LOST], [0.1])
    source = script.source()
    assert (source.name, source.size, source.fps, source.mirror) == ("scripted", (6, 4), 30.0, True)
    assert [pts_of(source.read()) for _ in range(2)] == [0.0, 0.1]
    assert (source.state, source.reason, source.signal_losses, source.reconnects) == ("live", "", 0, 0)
    # 0.1 s, then a pause of 1 s, then 0.1 s to the next frame: pts includes the gap
    assert pts_of(source.read()) == 1.2
    assert (source.state, source.reason, source.signal_losses, source.reconnects) == ("live", "", 1, 1)
    assert source.decode_errors == 4
    assert dict(source.loss_reasons) == {"camera 0 has stopped sending": 1}
    assert [opened.closed for opened in script.opened] == [1, 0]
    source.close()
    source.close()
    assert [opened.closed for opened in script.opened] == [1, 1]
    assert source.decode_errors == 4
    assert source.read() is None


def test_retry_delays_grow_and_restart_after_a_frame() -> None:
    refused = [NoCamera("no such camera")] * 12
    script = Script([0.0], *refused, [0.0], LOST, [0.0])
    source = script.source()
    frames = [source.read() for _ in range(3)]
    assert None not in frames
    assert script.clock.waits == [1.0] * 5 + [5.0] * 5 + [10.0] * 3 + [1.0, 1.0]
    assert (source.signal_losses, source.reconnects) == (2, 2)


def test_connection_without_a_frame_does_not_reset_the_delays() -> None:
    script = Script([0.0], *[[LOST]] * 6, [0.0])
    source = script.source()
    source.read()
    source.read()
    assert script.clock.waits == [1.0] * 5 + [5.0] * 2
    assert (source.signal_losses, source.reconnects) == (1, 1)


def test_reason_is_set_while_there_is_no_signal() -> None:
    script = Script([0.0, LOST], NoCamera("camera 0 was unplugged"))
    source = script.source()
    source.read()
    assert source.read() is None  # the script has ended
    assert (source.state, source.reason) == ("no signal", "camera 0 has stopped sending")
    assert "\n" not in source.reason
    assert script.clock.waits == [1.0, 1.0]


def test_constructor_does_not_retry() -> None:
    script = Script(NoCamera("no such camera"))
    with pytest.raises(NoCamera):
        script.source()
    assert script.clock.waits == []


@pytest.mark.parametrize("error", [SourceError("closed"), KeyError("a bug")])
def test_read_raises_errors_other_than_signal_lost(error: Exception) -> None:
    source = Script([0.0, error]).source()
    source.read()
    with pytest.raises(type(error)):
        source.read()


def test_stop_ends_a_retry_delay() -> None:
    sources: list[Source] = [Scripted(FakeClock(), [0.0])]

    def open_source() -> Source:
        if not sources:
            raise LOST
        return sources.pop()

    source = ReconnectingSource(open_source, clock=HourlongClock())
    source.read()
    result: list[Frame | None] = []
    thread = threading.Thread(target=lambda: result.append(source.read()), daemon=True)
    thread.start()
    while source.state == "live":
        time.sleep(0.01)
    source.stop.set()
    thread.join(60)
    assert result == [None], "`stop` did not end the retry delay"


def test_switch_continues_with_the_other_source() -> None:
    script = Script([1.0, 1.0, 1.0])
    source = ReconnectingSource(script, clock=script.clock, stop=script.stop)
    first = source.read()
    other = Scripted(script.clock, [2.0, 2.0])
    source.switch(lambda: other)
    frames = [first, source.read(), source.read()]
    assert [frame.pts for frame in frames if frame] == [0, 2, 4]
    assert script.opened[0].closed == 1 and source.switch_error == ""
    assert source.state == "live" and source.signal_losses == 0


def test_switch_to_a_source_that_does_not_open_returns_to_the_old_one() -> None:
    def refuse() -> Source:
        raise SourceError("camera 2 is busy")

    script = Script([1.0], [1.0])
    source = ReconnectingSource(script, clock=script.clock, stop=script.stop)
    assert source.read() is not None
    source.switch(refuse)
    assert source.read() is not None
    assert source.switch_error == "camera 2 is busy"
    assert [opened.closed for opened in script.opened] == [1, 0]
    assert source.description == "6 x 4, 30 fps"


def test_after_a_switch_the_new_source_is_reopened() -> None:
    script = Script([1.0])
    source = ReconnectingSource(script, clock=script.clock, stop=script.stop)
    other = Script([1.0, LOST], [1.0])
    other.clock = script.clock
    source.switch(other)
    assert source.read() is not None and source.read() is not None
    assert len(other.opened) == 2 and len(script.opened) == 1


def test_switch_ends_a_retry_delay() -> None:
    clock = HourlongClock()
    cameras = [Scripted(FakeClock(), [0.0]), Scripted(FakeClock(), [0.0])]
    source = ReconnectingSource(lambda: cameras[0], clock=clock)
    source.read()

    def press() -> None:
        clock.waiting.wait(60)
        source.switch(lambda: cameras[1])

    threading.Thread(target=press).start()
    assert source.read() is not None, "`switch` did not end the retry delay"
    assert [camera.closed for camera in cameras] == [1, 0]
