"""The live window: shows what is painted, and hands on what keys and the mouse ask for. Runs on the main thread."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from realtime.frame import Image
from realtime.live.view import View
from realtime.ui import hud
from realtime.ui.controller import Controller
from realtime.ui.keys import Action, ActionCommand, command
from realtime.ui.window import Touch, Window

TICK = 0.25  # seconds between two drawings of the figures while nothing else changes
HIDDEN_TICK = 0.5  # seconds between two looks at whether the window is minimised


class Display:
    """Connects a Live to a Window until the user quits or the Live is done."""

    def __init__(self, controller: Controller, window: Window, *, figures: bool = True) -> None:
        self.controller, self.live, self.window = controller, controller.live, window
        self.viewer, self.recorder = controller.viewer, controller.recorder
        self.hud, self.help = figures, False
        self._drawn: tuple[object, ...] = ()
        self._quit = False
        self._look_again = 0.0
        self._actions: dict[Action, Callable[[ActionCommand], None]] = controller.actions | {
            Action.HUD: lambda _: self._toggle("hud"),
            Action.HELP: lambda _: self._toggle("help"),
            Action.FULL_SCREEN: lambda _: self.window.toggle_full_screen(),
            Action.QUIT: lambda _: self._toggle("_quit"),
        }

    def run(self) -> None:
        """Show until it is over."""
        while not self._quit and not self.window.closed:
            self._rest_while_minimised()
            finished = self.live.done.is_set()
            fresh = self.viewer.take(0 if finished else 0.008)
            self.controller.update()
            self._draw(fresh)
            pressed = command(self.window.key(0.03 if self.live.state.frozen else 0.001), self.window.shift)
            if pressed is not None:
                self._actions[pressed.action](pressed)
            for touch in self.window.touches():
                self._touch(touch)
            if finished and not fresh:
                return

    def _rest_while_minimised(self) -> None:
        now = time.perf_counter()
        if now >= self._look_again:
            self._look_again = now + HIDDEN_TICK
            self.live.state.hidden = self.window.minimised and not self.controller.outputs.watched
        if self.live.state.hidden:
            self.live.done.wait(0.1)  # nobody sees anything

    def _draw(self, fresh: bool) -> None:
        now = time.perf_counter()
        silent = self.viewer.no_signal_reason()
        message = self.controller.messages.visible
        view = self.live.state.view
        tick = int(now / TICK) if self.hud else 0
        state = (self.window.size, self.hud, self.help, message, silent, view, self.viewer.seam, tick)
        if not fresh and state == self._drawn and not self.window.zoomed:
            return
        self._drawn = state
        canvas = self._compose(self.viewer.show(), view)
        if silent:
            hud.draw_no_signal(canvas, silent)
        recording = self.recorder.recording
        if self.hud and view is not View.GRID and not self.help:
            self._draw_figures(canvas)
        elif self.hud and recording is not None:
            hud.draw_recording(canvas, hud.recording_text(recording))
        if message:
            hud.draw_message(canvas, message)
        if self.help:
            hud.draw_help(canvas)
        self.window.show(canvas)
        if fresh and self.viewer.current:
            self.live.stats.count_shown(self.viewer.current.frame.captured)

    def _compose(self, picture: Image | None, view: View) -> Image:
        """The picture in the window, with what belongs to its view."""
        current = self.viewer.current
        if current is None or picture is None:
            return self.window.compose(np.zeros((480, 640, 3), np.uint8))
        canvas = self.window.compose(picture)
        if current.layout is not None:
            styles = self.live.stylizer.library.styles
            chosen = [number for number, (_, style) in enumerate(styles) if style == current.look.mix[0][0]]
            names = [style.title or style.name for _, style in styles]
            hud.draw_tiles(canvas, self.window.area, current.layout, names, chosen[0] if chosen else None)
        elif view is View.SPLIT:
            hud.draw_seam(canvas, self.window.area, self.viewer.seam)
        return canvas

    def _draw_figures(self, canvas: Image) -> None:
        live = self.live
        stats, recording = live.stats, self.recorder.recording
        figures = hud.Figures(
            fps=stats.fps_now,
            latency=stats.latency_now,
            dropped=stats.dropped,
            provider=live.stylizer.provider,
            provider_reason=live.stylizer.provider_reason,
            size=live.working_size,
            style=live.look.target.label,
            source=f"{live.source.name}: {live.source.description}".replace(" x ", " × "),
            recording=hud.recording_text(recording) if recording else "",
            dialled=hud.GAP.join(live.look.target.adjustments + ["walking"] * live.look.touring),
        )
        hud.draw_hud(canvas, figures)

    def _toggle(self, name: str) -> None:
        setattr(self, name, not getattr(self, name))

    def _touch(self, touch: Touch) -> None:
        view = self.live.state.view
        if view is View.SPLIT:
            self.viewer.seam = min(1.0, max(0.0, touch.x))
        elif view is View.GRID and touch.pressed and self.viewer.current is not None:
            layout = self.viewer.current.layout
            number = layout.at(touch.x, touch.y) if layout is not None else None
            if number is not None:
                self.controller.choose_style(number)
