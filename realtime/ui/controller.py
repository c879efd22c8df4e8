"""What keys, clicks and pages ask for, done. Runs on the main thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from realtime.errors import StylizeError
from realtime.frame import Image
from realtime.live.outputs import Outputs
from realtime.live.pipeline import Live
from realtime.live.state import StylizedFrame
from realtime.live.view import View
from realtime.sinks.snapshot import save_snapshot
from realtime.sources import next_camera
from realtime.system.console import tell
from realtime.ui.commands import Command
from realtime.ui.keys import Action, ActionCommand

SILENCE = 2.0  # seconds without a frame until the screen says so
MESSAGE_SECONDS = 2.0  # at least that
READING = 20  # characters a second


class Controller:
    """Does it, and has a line about it to say.

    current: what is painted; seam: of the split view, 0 to 1 of the picture's width.
    line: said last; said: how many were.
    """

    def __init__(self, live: Live, outputs: Outputs, snapshots: Path) -> None:
        self.live, self.outputs, self.snapshots = live, outputs, snapshots
        self.current: StylizedFrame | None = None
        self.seam = 0.5
        self.said = 0
        self.line, self._line_until = "", 0.0
        self._news: deque[str] = deque()  # one after the other; what keys do takes their place
        self._heard_until = 0.0
        self._given: tuple[object, ...] = ()  # view and seam of the picture given to the outputs last
        self._source, self._mirrors = live.source.name, live.source.mirror
        dials = live.look
        self.actions: dict[Action, Callable[[ActionCommand], None]] = {
            Action.NEXT: lambda _: self._turned(dials.step(1)),
            Action.PREVIOUS: lambda _: self._turned(dials.step(-1)),
            Action.STYLE: lambda command: self.pick(command.number),
            Action.ORIGINAL: lambda _: self._turned(dials.toggle_original()),
            Action.GRID: lambda _: self._toggle_view(View.GRID),
            Action.MIX: lambda _: self._turned(dials.toggle_mix()),
            Action.LEAN: lambda command: self._turned(dials.lean(command.number)),
            Action.TOUR: lambda _: self._turned(dials.toggle_tour()),
            Action.STRENGTH: lambda command: self._turned(dials.strength(command.number)),
            Action.COLOURS: lambda _: self._turned(dials.toggle_colours()),
            Action.STROKE: lambda command: self._turned(dials.stroke(command.number)),
            Action.SMOOTH: lambda command: self._turned(dials.smooth(command.number)),
            Action.PRESET: lambda command: self._turned(dials.recall(command.number)),
            Action.KEEP: lambda command: self._turned(dials.keep(command.number)),
            Action.SPLIT: lambda _: self._toggle_view(View.SPLIT),
            Action.MIRROR: lambda _: self._toggle_mirror(),
            Action.SNAPSHOT: lambda _: self._snapshot(),
            Action.RECORD: lambda _: self._toggle_recording(),
            Action.CAMERA: lambda _: self._next_camera(),
            Action.FREEZE: lambda _: self._toggle_freeze(),
        }

    @property
    def message(self) -> str:
        """The line to show now, or nothing."""
        return self.line if time.perf_counter() < self._line_until else ""

    def do(self, order: Command) -> None:
        """Do it."""
        if isinstance(order, ActionCommand):
            self.actions[order.action](order)
        elif order.dial == "seam":
            self.seam = order.value
        else:
            self._turned(self.live.look.turn(order.dial, order.value))

    def attend(self) -> None:
        """Do what pages ask for; say what the outputs and the source have to say."""
        for order in self.outputs.orders():
            self.do(order)
        self.outputs.attend()
        self._news += self.outputs.news()
        source = self.live.source
        if source.refused:
            self._news.append(source.refused)
            source.refused = ""
        elif source.name != self._source:
            if source.mirror != self._mirrors:
                self.live.take_mirror(source.mirror)
            self._source, self._mirrors = source.name, source.mirror
            self._news.append(f"{source.name}: {source.gives}")
            tell(self._news[-1])
        if self._news and time.perf_counter() >= self._heard_until:
            self.say(self._news.popleft())
            self._heard_until = self._line_until

    def hand_on(self, fresh: bool) -> Image | None:
        """The picture as shown; the outputs get it too, if it is another one. fresh: whether it was just painted."""
        if self.current is None:
            return None
        view = self.live.state.view
        picture = self.current.shown(view, self.seam)
        if fresh or (view, self.seam) != self._given:
            self.outputs.show(picture, self.current.frame.captured)
            self._given = (view, self.seam)
        return picture

    def silence(self) -> str:
        """Why no frames come, or nothing while they do."""
        source = self.live.source
        if source.state != "live":
            return source.reason or "the camera is gone; trying again"
        slow = 3 / source.fps if source.fps else 0.0
        quiet = self.live.clock.now() - self.live.newest
        return f"{source.name} sends nothing" if quiet > max(SILENCE, slow) else ""

    def say(self, text: str) -> None:
        """Show that line for a moment."""
        self.said += 1
        self.line, self._line_until = text, time.perf_counter() + max(MESSAGE_SECONDS, len(text) / READING)

    def pick(self, number: int) -> None:
        """A style by its number; that closes the grid."""
        if self.live.state.view is View.GRID and number < len(self.live.stylizer.library.styles):
            self.live.state.view = View.PAINTED
        self._turned(self.live.look.choose(number))

    def _turned(self, line: str) -> None:
        """Something was dialled: say it, and wake the painting thread where it is frozen."""
        self.live.state.touched.set()
        self.say(line)

    def _toggle_mirror(self) -> None:
        self.live.state.mirror = not self.live.state.mirror

    def _toggle_recording(self) -> None:
        live, outputs, now = self.live, self.outputs, time.perf_counter()  # opening the file takes a moment
        outputs.toggle_recording(live.source.size, live.source.fps, live.stats.latency_now)
        if outputs.recording is not None:
            if self.current is not None:
                outputs.recording.begin(self.current.shown(live.state.view, self.seam), now)
            self.say(f"recording into {outputs.recording.target.path.name}")

    def _next_camera(self) -> None:
        live = self.live
        opener = next_camera(live.source.name, height=live.height, fps=live.fps)
        if opener is None:
            self.say("there is no other camera")
            return
        live.source.switch(opener)
        self.say("the next camera …")

    def _toggle_freeze(self) -> None:
        controls = self.live.state
        controls.frozen = not controls.frozen
        controls.touched.set()
        self.say("frozen" if controls.frozen else "live again")

    def _toggle_view(self, view: View) -> None:
        controls = self.live.state
        controls.view = View.PAINTED if controls.view is view else view
        controls.touched.set()
        hints = {View.GRID: "click one, or press its number", View.SPLIT: "drag the seam"}
        self.say(hints.get(controls.view, ""))

    def _snapshot(self) -> None:
        if self.current is None:
            return
        look = self.current.look
        style = look.mix[0][0].name if look.strength else "original-size"
        if self.current.layout is not None:
            style = "grid"
        try:
            path = save_snapshot(self.snapshots, style, self.current.image, self.current.original, datetime.now())
        except StylizeError as error:
            self.say(str(error))
            return
        self.live.stats.snapshots += 1
        self.say(f"saved {path.name}")
        tell(f"saved {path}")
