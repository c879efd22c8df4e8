"""The live window: shows what is painted, and does what the keys say. Runs on the main thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from realtime import hud
from realtime.errors import StylizeError
from realtime.frame import Image
from realtime.keys import Action, Command, command
from realtime.live import Live, Painted
from realtime.outputs import Outputs
from realtime.sinks.snapshot import save_snapshot
from realtime.sinks.window import Touch, Window
from realtime.sources import next_camera
from realtime.views import View

SILENCE = 2.0  # seconds without a frame until the screen says so
MESSAGE_SECONDS = 2.0
TICK = 0.25  # seconds between two drawings of the figures while nothing else changes
HIDDEN_TICK = 0.5  # seconds between two looks at whether the window is minimised


class Display:
    """Connects a Live to a Window until the user quits or the Live is done."""

    def __init__(self, live: Live, window: Window, snapshots: Path, outputs: Outputs) -> None:
        self.live, self.window, self.snapshots, self.outputs = live, window, snapshots, outputs
        self.hud, self.help = True, False
        self.current: Painted | None = None
        self._message, self._message_until = "", 0.0
        self._drawn: tuple[object, ...] = ()
        self._quit = False
        self._source, self._mirrors = live.source.name, live.source.mirror
        self.seam = 0.5  # of the split view, 0 to 1 of the picture's width
        self._given: tuple[object, ...] = ()  # view and seam of the picture given to the outputs last
        dials = live.dials
        self._look_again = 0.0
        self._actions: dict[Action, Callable[[Command], None]] = {
            Action.NEXT: lambda _: self._turned(dials.step(1)),
            Action.PREVIOUS: lambda _: self._turned(dials.step(-1)),
            Action.STYLE: lambda command: self._pick(command.number),
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
            Action.HUD: lambda _: self._toggle("hud"),
            Action.HELP: lambda _: self._toggle("help"),
            Action.MIRROR: lambda _: self._toggle_mirror(),
            Action.SNAPSHOT: lambda _: self._snapshot(),
            Action.RECORD: lambda _: self._toggle_recording(),
            Action.CAMERA: lambda _: self._next_camera(),
            Action.FREEZE: lambda _: self._toggle_freeze(),
            Action.FULL_SCREEN: lambda _: self.window.toggle_full_screen(),
            Action.QUIT: lambda _: self._toggle("_quit"),
        }

    def run(self) -> None:
        """Show until it is over."""
        while not self._quit and not self.window.closed:
            self._rest_while_minimised()
            finished = self.live.done.is_set()
            painted = self.live.painted.take(0 if finished else 0.008)
            if painted is not None:
                self.current = painted
            self._listen()
            self._draw(fresh=painted is not None)
            pressed = command(self.window.key(0.03 if self.live.controls.frozen else 0.001), self.window.shift)
            if pressed is not None:
                self._actions[pressed.action](pressed)
            for touch in self.window.touches():
                self._touch(touch)
            if finished and painted is None:
                return

    def _rest_while_minimised(self) -> None:
        now = time.monotonic()
        if now >= self._look_again:
            self._look_again = now + HIDDEN_TICK
            self.live.controls.hidden = self.window.minimised and not self.outputs.active
        if self.live.controls.hidden:
            self.live.done.wait(0.1)  # nobody sees anything

    def _draw(self, fresh: bool) -> None:
        now = time.monotonic()
        silent = self._silence()
        message = self._message if now < self._message_until else ""
        view = self.live.controls.view
        tick = int(now / TICK) if self.hud else 0
        state = (self.window.size, self.hud, self.help, message, silent, view, self.seam, tick)
        if not fresh and state == self._drawn:
            return
        self._drawn = state
        canvas = self._compose(view, fresh)
        if silent:
            hud.draw_no_signal(canvas, silent)
        recording = self.outputs.recording
        if self.hud and view is not View.GRID:
            self._draw_figures(canvas)
        elif self.hud and recording is not None:
            hud.draw_recording(canvas, hud.recording_text(recording))
        if message:
            hud.draw_message(canvas, message)
        if self.help:
            hud.draw_help(canvas)
        self.window.show(canvas)
        if fresh and self.current:
            self.live.stats.count_shown(self.current.frame.captured)

    def _compose(self, view: View, fresh: bool) -> Image:
        """The picture in the window, as the view has it."""
        current = self.current
        if current is None:
            return self.window.compose(np.zeros((480, 640, 3), np.uint8))
        picture = current.shown(view, self.seam)
        if fresh or (view, self.seam) != self._given:
            self.outputs.show(picture, current.frame.captured)
            self._given = (view, self.seam)
        canvas = self.window.compose(picture)
        if current.layout is not None:
            styles = self.live.stylizer.library.styles
            chosen = [number for number, (_, style) in enumerate(styles) if style == current.look.mix[0][0]]
            names = [style.title or style.name for _, style in styles]
            hud.draw_tiles(canvas, self.window.area, current.layout, names, chosen[0] if chosen else None)
        elif view is View.SPLIT:
            hud.draw_seam(canvas, self.window.area, self.seam)
        return canvas

    def _draw_figures(self, canvas: Image) -> None:
        live = self.live
        stats, recording = live.stats, self.outputs.recording
        figures = hud.Figures(
            fps=stats.fps_now,
            latency=stats.latency_now,
            dropped=stats.dropped,
            provider=live.stylizer.provider,
            why=live.stylizer.why,
            size=live.working_size,
            style=live.controls.fade.target.label,
            source=f"{live.source.name}: {live.source.gives}".replace(" x ", " × "),
            recording=hud.recording_text(recording) if recording else "",
            dialled="   ".join(live.controls.fade.target.dialled + ["walking"] * live.dials.touring),
        )
        hud.draw_hud(canvas, figures)

    def _silence(self) -> str:
        """Why no frames come, or nothing while they do."""
        source = self.live.source
        if source.state != "live":
            return source.reason or "the camera is gone; trying again"
        slow = 3 / source.fps if source.fps else 0.0
        quiet = self.live.clock.now() - self.live.newest
        return f"{source.name} sends nothing" if quiet > max(SILENCE, slow) else ""

    def _listen(self) -> None:
        """What the outputs and the source have to say since the last time."""
        news = self.outputs.news()
        source = self.live.source
        if source.refused:
            news, source.refused = source.refused, ""
        elif source.name != self._source:
            if source.mirror != self._mirrors:
                self.live.controls.mirror = source.mirror
            self._source, self._mirrors = source.name, source.mirror
            news = f"{source.name}: {source.gives}"
            print(news, flush=True)
        if news:
            self._say(news)

    def _say(self, text: str) -> None:
        self._message, self._message_until = text, time.monotonic() + MESSAGE_SECONDS

    def _toggle(self, name: str) -> None:
        setattr(self, name, not getattr(self, name))

    def _toggle_mirror(self) -> None:
        self.live.controls.mirror = not self.live.controls.mirror

    def _toggle_recording(self) -> None:
        live, outputs, now = self.live, self.outputs, time.monotonic()  # opening the file takes a moment
        outputs.toggle_recording(live.source.size, live.source.fps, live.stats.latency_now)
        if outputs.recording is not None:
            if self.current is not None:
                outputs.recording.begin(self.current.shown(live.controls.view, self.seam), now)
            self._say(f"recording into {outputs.recording.target.path.name}")

    def _next_camera(self) -> None:
        live = self.live
        opener = next_camera(live.source.name, height=live.height, fps=live.fps)
        if opener is None:
            self._say("there is no other camera")
            return
        live.source.switch(opener)
        self._say("the next camera …")

    def _toggle_freeze(self) -> None:
        controls = self.live.controls
        controls.frozen = not controls.frozen
        controls.touched.set()
        self._say("frozen" if controls.frozen else "live again")

    def _toggle_view(self, view: View) -> None:
        controls = self.live.controls
        controls.view = View.PAINTED if controls.view is view else view
        controls.touched.set()
        hints = {View.GRID: "click one, or press its number", View.SPLIT: "drag the seam"}
        self._say(hints.get(controls.view, ""))

    def _pick(self, number: int) -> None:
        """A style by its number; that closes the grid."""
        if self.live.controls.view is View.GRID and number < len(self.live.stylizer.library.styles):
            self.live.controls.view = View.PAINTED
        self._turned(self.live.dials.choose(number))

    def _touch(self, touch: Touch) -> None:
        view = self.live.controls.view
        if view is View.SPLIT:
            self.seam = min(1.0, max(0.0, touch.x))
        elif view is View.GRID and touch.pressed and self.current is not None and self.current.layout is not None:
            number = self.current.layout.at(touch.x, touch.y)
            if number is not None:
                self._pick(number)

    def _turned(self, line: str) -> None:
        """Something was dialled: say it, and wake the painting thread where it is frozen."""
        self.live.controls.touched.set()
        self._say(line)

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
            self._say(str(error))
            return
        self.live.stats.snapshots += 1
        self._say(f"saved {path.name}")
        print(f"saved {path}", flush=True)
