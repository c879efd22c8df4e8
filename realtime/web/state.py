"""How things stand, as the page is told whenever it changes."""

from __future__ import annotations

from typing import Any

from realtime.live.view import View
from realtime.stylizer.look import LOOK_RANGES
from realtime.ui.controller import Controller
from realtime.ui.keys import Action
from realtime.web.broadcast import Broadcaster


def state(controller: Controller, hub: Broadcaster, sender: str) -> dict[str, Any]:
    """All that changes. sender: the page whose camera is painted, or ""."""
    live, viewer = controller.live, controller.viewer
    dials, controls, source = live.look, live.state, live.source
    target, held = dials.target, dials.second_style
    styles = [style for _, style in live.stylizer.library.styles]
    layout = viewer.current.layout if viewer.current is not None else None
    return {
        "look": {name: round(getattr(target, name), 3) for name in LOOK_RANGES},
        "second_share": dials.second_share,
        "mix": [{"number": styles.index(style), "weight": round(weight, 3)} for style, weight in target.mix],
        "held": styles.index(held) if held is not None else None,
        "label": target.label,
        "dialled": target.adjustments,
        "on": {
            Action.ORIGINAL.value: target.strength == 0,
            Action.COLOURS.value: target.keep_colors > 0,
            Action.MIX.value: held is not None,
            Action.TOUR.value: dials.touring,
            Action.GRID.value: controls.view is View.GRID,
            Action.SPLIT.value: controls.view is View.SPLIT,
            Action.FREEZE.value: controls.frozen,
            Action.MIRROR.value: live.mirrored,
            Action.RECORD.value: controller.recorder.recording is not None,
        },
        "seam": round(viewer.seam, 3),
        "grid": {"columns": layout.columns, "rows": layout.rows} if layout is not None else None,
        "said": [controller.messages.count, controller.messages.text],
        "source": f"{source.name}: {source.description}",
        "silent": viewer.no_signal_reason(),
        "fps": round(hub.fps),
        "size": list(live.working_size),
        "provider": f"{live.stylizer.provider.upper()}: {live.stylizer.provider_reason}",
        "sender": sender,
    }
