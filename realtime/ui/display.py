"""The main loop with a window: shows stylized frames, and executes what keys and the mouse ask for."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from realtime.frame import Image
from realtime.live.view import View
from realtime.ui import hud
from realtime.ui.controller import Controller
from realtime.ui.keys import Action, ActionCommand, command_for_key
from realtime.ui.window import MouseEvent, Window

FIGURES_SECONDS = 0.25  # between two updates of the figures while nothing else changes
MINIMISED_CHECK_SECONDS = 0.5  # between two checks whether the window is minimised
MINIMISED_SLEEP_SECONDS = 0.1
FRAME_WAIT_SECONDS = 0.008
KEY_WAIT_SECONDS = 0.001
FROZEN_KEY_WAIT_SECONDS = 0.03
EMPTY_CANVAS_SHAPE = (480, 640, 3)  # [H, W, 3] until the first frame has come


class Display:
    """Connects a live run to a window, on the main thread. figures: whether they are shown over the picture."""

    def __init__(self, controller: Controller, window: Window, *, figures: bool = True) -> None:
        self.controller, self.live, self.window = controller, controller.live, window
        self.viewer, self.recorder = controller.viewer, controller.recorder
        self.figures_shown, self.help_shown = figures, False
        self._drawn_state: tuple[object, ...] = ()
        self._quit = False
        self._next_minimised_check = 0.0
        self._actions: dict[Action, Callable[[ActionCommand], None]] = controller.actions | {
            Action.HUD: lambda _: self._toggle("figures_shown"),
            Action.HELP: lambda _: self._toggle("help_shown"),
            Action.FULL_SCREEN: lambda _: self.window.toggle_full_screen(),
            Action.QUIT: lambda _: self._toggle("_quit"),
        }

    def run(self) -> None:
        """Show frames until the user quits or closes the window, or the source ends.

        No step waits for a frame longer than FRAME_WAIT_SECONDS, so keys and the close box work without a signal too.
        """
        while not self._quit and not self.window.closed:
            self._sleep_while_minimised()
            finished = self.live.done.is_set()
            fresh = self.viewer.take(0 if finished else FRAME_WAIT_SECONDS)
            self.controller.update()
            self._draw(fresh)
            self._handle_input()
            if finished and not fresh:
                return

    def _sleep_while_minimised(self) -> None:
        now = time.perf_counter()
        if now >= self._next_minimised_check:
            self._next_minimised_check = now + MINIMISED_CHECK_SECONDS
            self.live.state.hidden = self.window.minimised and not self.controller.outputs.in_use
        if self.live.state.hidden:
            self.live.done.wait(MINIMISED_SLEEP_SECONDS)

    def _handle_input(self) -> None:
        code = self.window.key(FROZEN_KEY_WAIT_SECONDS if self.live.state.frozen else KEY_WAIT_SECONDS)
        command = command_for_key(code, self.window.shift_held)
        if command is not None:
            self._actions[command.action](command)
        for event in self.window.mouse_events():
            self._handle_mouse(event)

    def _draw(self, fresh: bool) -> None:
        """Draw the canvas if anything on it has changed. fresh: whether a frame has just come."""
        no_signal, message = self.viewer.no_signal_reason(), self.controller.messages.visible
        view = self.live.state.view
        figures_age = int(time.perf_counter() / FIGURES_SECONDS) if self.figures_shown else 0
        shown = (self.figures_shown, self.help_shown)
        state = (self.window.size, *shown, message, no_signal, view, self.viewer.seam, figures_age)
        if not fresh and state == self._drawn_state and not self.window.zoomed:
            return
        self._drawn_state = state
        canvas = self._compose(self.viewer.show(), view)
        if no_signal:
            hud.draw_no_signal(canvas, no_signal)
        recording = self.recorder.recording
        if self.figures_shown and view is not View.GRID and not self.help_shown:
            self._draw_figures(canvas)
        elif self.figures_shown and recording is not None:
            hud.draw_recording(canvas, hud.recording_text(recording))
        if message:
            hud.draw_message(canvas, message)
        if self.help_shown:
            hud.draw_help(canvas)
        self.window.show(canvas)
        if fresh and self.viewer.current:
            self.live.stats.count_shown(self.viewer.current.frame.captured)

    def _compose(self, picture: Image | None, view: View) -> Image:
        """Return a canvas of the window's size with the picture, and with the names or the seam of its view."""
        current = self.viewer.current
        if current is None or picture is None:
            return self.window.compose(np.zeros(EMPTY_CANVAS_SHAPE, np.uint8))
        canvas = self.window.compose(picture)
        if current.layout is not None:
            styles = self.live.stylizer.library.styles
            chosen = self.live.stylizer.library.number(current.look.mix[0][0].name)
            names = [style.title or style.name for _, style in styles[: current.layout.count]]
            hud.draw_tiles(canvas, self.window.area, current.layout, names, chosen)
        elif view is View.SPLIT:
            hud.draw_seam(canvas, self.window.area, self.viewer.seam)
        return canvas

    def _draw_figures(self, canvas: Image) -> None:
        live = self.live
        stats, recording, target = live.stats, self.recorder.recording, live.look.target
        figures = hud.Figures(
            fps=stats.fps_now,
            latency=stats.latency_now,
            dropped=stats.dropped,
            provider=live.stylizer.provider,
            provider_reason=live.stylizer.provider_reason,
            size=live.working_size,
            style=target.label,
            source=f"{live.source.name}: {live.source.description}".replace(" x ", " × "),
            recording=hud.recording_text(recording) if recording else "",
            adjustments=hud.GAP.join(target.adjustments + ["walking"] * live.look.touring),
        )
        hud.draw_figures(canvas, figures)

    def _toggle(self, name: str) -> None:
        setattr(self, name, not getattr(self, name))

    def _handle_mouse(self, event: MouseEvent) -> None:
        """Drag the seam of the split view, or choose a style in the grid."""
        view = self.live.state.view
        if view is View.SPLIT:
            self.viewer.seam = min(1.0, max(0.0, event.x))
        elif view is View.GRID and event.pressed and self.viewer.current is not None:
            layout = self.viewer.current.layout
            number = layout.at(event.x, event.y) if layout is not None else None
            if number is not None:
                self.controller.choose_style(number)
