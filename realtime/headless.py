"""Painting without a window: into a recording, to a virtual camera, or only for the figures."""

from __future__ import annotations

import sys

from realtime.live import Live
from realtime.outputs import Outputs

TICK = 0.5  # s, short enough for Ctrl-C on every system


def run_headless(live: Live, outputs: Outputs) -> bool:
    """Hand on what is painted until it is over.

    False if outputs were asked for and none is left, which ends it: nobody would notice the rest.
    """
    wanted = bool(outputs.active or outputs.failures)
    state = live.source.state
    while True:
        finished = live.done.is_set()
        painted = live.painted.take(0 if finished else TICK)
        if painted is not None:
            outputs.show(painted.shown(live.controls.view), painted.frame.captured)
        elif finished:
            return True
        while outputs.news():
            pass
        if wanted and outputs.failures and not outputs.active:
            return False
        if live.source.state != state:
            state = live.source.state
            line = live.source.reason + "; trying again" if state != "live" else f"{live.source.name} is back"
            print(line, file=sys.stderr, flush=True)
