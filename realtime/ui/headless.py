"""Painting without a window: into a recording, to a virtual camera or a page, or only for the figures."""

from __future__ import annotations

from realtime.system.console import say
from realtime.ui.controller import Controller

TICK = 0.5  # s, short enough for Ctrl-C on every system
PAGE_TICK = 0.03  # s, short enough for hands on a page's sliders


def run_headless(controller: Controller) -> None:
    """Hand on what is painted until it is over, or until of the outputs asked for none is left."""
    live, outputs = controller.live, controller.outputs
    wanted = bool(outputs.any or outputs.failures)
    state = live.source.state
    while True:
        finished = live.done.is_set()
        painted = live.painted.take(0 if finished else PAGE_TICK if outputs.page else TICK)
        if painted is not None:
            controller.current = painted
        elif finished:
            return
        controller.hand_on(fresh=painted is not None)
        controller.attend()
        live.state.hidden = _rests(controller)
        if live.state.hidden and outputs.page is not None:
            outputs.page.rest()
        if wanted and outputs.failures and not outputs.any:
            return
        if live.source.state != state:
            state = live.source.state
            line = live.source.reason + "; trying again" if state != "live" else f"{live.source.name} is back"
            say(line)


def _rests(controller: Controller) -> bool:
    """Whether the page is all there is, and nobody looks at it."""
    outputs, live = controller.outputs, controller.live
    return outputs.page is not None and not outputs.active and live.frames is None and not live.state.frozen
