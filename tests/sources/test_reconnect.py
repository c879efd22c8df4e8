from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from realtime.errors import NoCamera, SignalLost, SourceError
from realtime.frame import Frame
from realtime.sources.base import Source
from realtime.sources.reconnect import Reconnecting
from realtime.system.clock import FakeClock, SystemClock

IMAGE = np.zeros((4, 6, 3), np.uint8)
LOST = SignalLost("camera 0 has stopped sending")
Step = float | Exception


class Scripted(Source):
    """A float is a frame that takes so many seconds; an error is raised."""

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
    """Opens: each entry is the steps of one connection, or why it does not open. Then `stop` is set."""

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

    def source(self) -> Reconnecting:
        return Reconnecting(self, stop=self.stop, clock=self.clock)


def pts_of(frame: Frame | None) -> float:
    assert frame is not None
    return round(frame.pts, 6)


def test_a_loss_is_reopened_and_counted() -> None:
    script = Script([0.0, 0.1, LOST], [0.1])
    source = script.source()
    assert (source.name, source.size, source.fps, source.mirror) == ("scripted", (6, 4), 30.0, True)
    assert [pts_of(source.read()) for _ in range(2)] == [0.0, 0.1]
    assert (source.state, source.reason, source.signal_losses, source.reconnects) == ("live", "", 0, 0)
    # 0.1 s, then a pause of 1 s, then 0.1 s to the next frame: pts tells of the gap
    assert pts_of(source.read()) == 1.2
    assert (source.state, source.reason, source.signal_losses, source.reconnects) == ("live", "", 1, 1)
    assert source.decode_errors == 4
    assert dict(source.reasons) == {"camera 0 has stopped sending": 1}
    assert [opened.closed for opened in script.opened] == [1, 0]
    source.close()
    source.close()
    assert [opened.closed for opened in script.opened] == [1, 1]
    assert source.decode_errors == 4
    assert source.read() is None


def test_pauses_grow_and_start_anew_after_a_frame() -> None:
    refused = [NoCamera("no such camera")] * 12
    script = Script([0.0], *refused, [0.0], LOST, [0.0])
    source = script.source()
    frames = [source.read() for _ in range(3)]
    assert None not in frames
    assert script.clock.waits == [1.0] * 5 + [5.0] * 5 + [10.0] * 3 + [1.0, 1.0]
    assert (source.signal_losses, source.reconnects) == (2, 2)


def test_a_connection_without_a_picture_is_no_recovery() -> None:
    script = Script([0.0], *[[LOST]] * 6, [0.0])
    source = script.source()
    source.read()
    source.read()
    assert script.clock.waits == [1.0] * 5 + [5.0] * 2
    assert (source.signal_losses, source.reconnects) == (1, 1)


def test_the_reason_is_there_while_there_is_no_signal() -> None:
    script = Script([0.0, LOST], NoCamera("camera 0 was unplugged"))
    source = script.source()
    source.read()
    assert source.read() is None  # the script has ended
    assert (source.state, source.reason) == ("no signal", "camera 0 has stopped sending")
    assert "\n" not in source.reason
    assert script.clock.waits == [1.0, 1.0]


def test_the_first_opening_is_not_retried() -> None:
    script = Script(NoCamera("no such camera"))
    with pytest.raises(NoCamera):
        script.source()
    assert script.clock.waits == []


@pytest.mark.parametrize("error", [SourceError("closed"), KeyError("a bug")])
def test_what_is_hopeless_is_raised(error: Exception) -> None:
    source = Script([0.0, error]).source()
    source.read()
    with pytest.raises(type(error)):
        source.read()


def test_stop_cuts_a_pause_short() -> None:
    opened = Scripted(FakeClock(), [0.0])
    sources: list[Source] = [opened]

    def open_source() -> Source:
        if not sources:
            raise LOST
        return sources.pop()

    source = Reconnecting(open_source)  # on the real clock
    source.read()
    result: list[Frame | None] = []
    thread = threading.Thread(target=lambda: result.append(source.read()), daemon=True)
    thread.start()
    while source.state == "live":
        time.sleep(0.01)
    start = time.monotonic()
    source.stop.set()
    thread.join(10)
    assert result == [None]
    assert time.monotonic() - start < 0.5  # of the second that the pause lasts


def test_switching_goes_on_with_the_other_source() -> None:
    script = Script([1.0, 1.0, 1.0])
    source = Reconnecting(script, clock=script.clock, stop=script.stop)
    first = source.read()
    other = Scripted(script.clock, [2.0, 2.0])
    source.switch(lambda: other)
    frames = [first, source.read(), source.read()]
    assert [frame.pts for frame in frames if frame] == [0, 2, 4]
    assert script.opened[0].closed == 1 and source.refused == ""
    assert source.state == "live" and source.signal_losses == 0


def test_a_source_that_does_not_open_leaves_the_one_that_was() -> None:
    def refuse() -> Source:
        raise SourceError("camera 2 is busy")

    script = Script([1.0], [1.0])
    source = Reconnecting(script, clock=script.clock, stop=script.stop)
    assert source.read() is not None
    source.switch(refuse)
    assert source.read() is not None
    assert source.refused == "camera 2 is busy"
    assert [opened.closed for opened in script.opened] == [1, 0]
    assert source.gives == "6 x 4, 30 fps"


def test_after_a_switch_it_is_the_new_one_that_comes_back() -> None:
    script = Script([1.0])
    source = Reconnecting(script, clock=script.clock, stop=script.stop)
    other = Script([1.0, LOST], [1.0])
    other.clock = script.clock
    source.switch(other)
    assert source.read() is not None and source.read() is not None
    assert len(other.opened) == 2 and len(script.opened) == 1


def test_another_source_is_not_kept_waiting_by_one_that_is_gone() -> None:
    waiting = threading.Event()

    class Waiting(SystemClock):
        def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
            waiting.set()
            return super().wait(3600, stop)

    cameras = [Scripted(FakeClock(), [0.0]), Scripted(FakeClock(), [0.0])]
    source = Reconnecting(lambda: cameras[0], clock=Waiting())
    source.read()

    def press() -> None:
        waiting.wait(60)
        source.switch(lambda: cameras[1])

    threading.Thread(target=press).start()
    assert source.read() is not None, "after an hour otherwise"
    assert [camera.closed for camera in cameras] == [1, 0]
