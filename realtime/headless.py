"""Painting without a window: into a recording, to a virtual camera or a page, or only for the figures."""

from __future__ import annotations

from realtime.deeds import Deeds
from realtime.telling import say

TICK = 0.5  # s, short enough for Ctrl-C on every system
PAGE_TICK = 0.03  # s, short enough for hands on a page's sliders


def run_headless(deeds: Deeds) -> bool:
    """Hand on what is painted until it is over.

    False if outputs were asked for and none is left, which ends it: nobody would notice the rest.
    """
    live, outputs = deeds.live, deeds.outputs
    wanted = bool(outputs.any or outputs.failures)
    state = live.source.state
    while True:
        finished = live.done.is_set()
        painted = live.painted.take(0 if finished else PAGE_TICK if outputs.page else TICK)
        if painted is not None:
            deeds.current = painted
        elif finished:
            return True
        deeds.hand_on(fresh=painted is not None)
        deeds.attend()
        if wanted and outputs.failures and not outputs.any:
            return False
        if live.source.state != state:
            state = live.source.state
            line = live.source.reason + "; trying again" if state != "live" else f"{live.source.name} is back"
            say(line)
