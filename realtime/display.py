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
from realtime.look import Look, one_style
from realtime.sinks.snapshot import save_snapshot
from realtime.sinks.window import Window

SILENCE = 2.0  # seconds without a frame until the screen says so
MESSAGE_SECONDS = 2.0
TICK = 0.25  # seconds between two drawings of the figures while nothing else changes


class Display:
    """Connects a Live to a Window until the user quits or the Live is done."""

    def __init__(self, live: Live, window: Window, snapshots: Path) -> None:
        self.live, self.window, self.snapshots = live, window, snapshots
        self.hud, self.help = True, False
        self.current: Painted | None = None
        self._message, self._message_until = "", 0.0
        self._drawn: tuple[object, ...] = ()
        self._quit = False
        self._strength = live.controls.fade.target.strength or 1.0
        self._actions: dict[Action, Callable[[Command], None]] = {
            Action.NEXT: lambda _: self._step(1),
            Action.PREVIOUS: lambda _: self._step(-1),
            Action.STYLE: lambda command: self._choose(command.number),
            Action.ORIGINAL: lambda _: self._toggle_original(),
            Action.HUD: lambda _: self._toggle("hud"),
            Action.HELP: lambda _: self._toggle("help"),
            Action.MIRROR: lambda _: self._toggle_mirror(),
            Action.SNAPSHOT: lambda _: self._snapshot(),
            Action.FREEZE: lambda _: self._toggle_freeze(),
            Action.FULL_SCREEN: lambda _: self.window.toggle_full_screen(),
            Action.QUIT: lambda _: self._toggle("_quit"),
        }

    def run(self) -> None:
        """Show until it is over."""
        while not self._quit and not self.window.closed:
            finished = self.live.done.is_set()
            painted = self.live.painted.take(0 if finished else 0.008)
            if painted is not None:
                self.current = painted
            self._draw(fresh=painted is not None)
            pressed = command(self.window.key(0.03 if self.live.controls.frozen else 0.001))
            if pressed is not None:
                self._actions[pressed.action](pressed)
            if finished and painted is None:
                return

    def _draw(self, fresh: bool) -> None:
        now = time.monotonic()
        silent = self._silence(now)
        message = self._message if now < self._message_until else ""
        state = (self.window.size, self.hud, self.help, message, silent, int(now / TICK) if self.hud else 0)
        if not fresh and state == self._drawn:
            return
        self._drawn = state
        picture = self.current.image if self.current else np.zeros((480, 640, 3), np.uint8)
        canvas = self.window.compose(picture)
        if silent:
            hud.draw_no_signal(canvas, silent)
        if self.hud:
            self._draw_figures(canvas)
        if message:
            hud.draw_message(canvas, message)
        if self.help:
            hud.draw_help(canvas)
        self.window.show(canvas)
        if fresh and self.current:
            self.live.stats.count_shown(self.current.frame.captured)

    def _draw_figures(self, canvas: Image) -> None:
        live = self.live
        stats = live.stats
        figures = hud.Figures(
            fps=stats.fps_now,
            latency=stats.latency_now,
            dropped=stats.dropped,
            provider=live.stylizer.provider,
            why=live.stylizer.why,
            size=live.size,
            style=live.controls.fade.target.label,
        )
        hud.draw_hud(canvas, figures)

    def _silence(self, now: float) -> str:
        """Why no frames come, or nothing while they do."""
        source = self.live.source
        if source.state != "live":
            return source.reason or "the camera is gone; trying again"
        slow = 3 / source.fps if source.fps else 0.0
        quiet = now - self.live.newest
        return f"{source.name} sends nothing" if quiet > max(SILENCE, slow) else ""

    def _say(self, text: str) -> None:
        self._message, self._message_until = text, time.monotonic() + MESSAGE_SECONDS

    def _toggle(self, name: str) -> None:
        setattr(self, name, not getattr(self, name))

    def _toggle_mirror(self) -> None:
        self.live.controls.mirror = not self.live.controls.mirror

    def _toggle_freeze(self) -> None:
        controls = self.live.controls
        controls.frozen = not controls.frozen
        controls.touched.set()
        self._say("frozen" if controls.frozen else "live again")

    def _toggle_original(self) -> None:
        target = self.live.controls.fade.target
        self._go(Look(target.model, target.weights, 0.0 if target.strength else self._strength))

    def _step(self, by: int) -> None:
        target = self.live.controls.fade.target
        styles = [style for _, style in self.live.stylizer.library.styles]
        strongest = target.mix[0][0]
        self._choose((styles.index(strongest) + by) % len(styles))

    def _choose(self, number: int) -> None:
        styles = self.live.stylizer.library.styles
        if number >= len(styles):
            self._say(f"there are {len(styles)} styles")
            return
        look = one_style(*styles[number])
        self._go(Look(look.model, look.weights, self._strength))

    def _go(self, look: Look) -> None:
        self.live.controls.fade.go(look, time.monotonic())
        self.live.controls.touched.set()
        self._say(look.label)

    def _snapshot(self) -> None:
        if self.current is None:
            return
        look = self.current.look
        style = look.mix[0][0].name if look.strength else "original-size"
        try:
            path = save_snapshot(self.snapshots, style, self.current.image, self.current.original, datetime.now())
        except StylizeError as error:
            self._say(str(error))
            return
        self.live.stats.snapshots += 1
        self._say(f"saved {path.name}")
        print(f"saved {path}", flush=True)
