"""Running without a window: into a recording, to a virtual camera or a web page, or only for the figures."""

from __future__ import annotations

import logging

from realtime.ui.controller import Controller

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.03  # short enough for the sliders of a web page


def run_headless(controller: Controller) -> None:
    """Forward frames to the outputs until the source ends or every requested output has failed."""
    live, viewer, outputs = controller.live, controller.viewer, controller.outputs
    requested = bool(outputs or outputs.failures)
    source_state = live.source.state
    while True:
        finished = live.done.is_set()
        if not viewer.take(0 if finished else POLL_SECONDS) and finished:
            return
        viewer.show()
        controller.update()
        live.state.hidden = _may_pause(controller)
        if requested and outputs.failures and not outputs:
            return
        if live.source.state != source_state:
            source_state = live.source.state
            lost = source_state != "live"
            logger.warning(f"{live.source.reason}; trying again" if lost else f"{live.source.name} is back")


def _may_pause(controller: Controller) -> bool:
    """Whether there are outputs, none of whose pictures are used, and no frames have to be counted."""
    live, outputs = controller.live, controller.outputs
    return bool(outputs) and not outputs.in_use and live.frames is None and not live.state.frozen
