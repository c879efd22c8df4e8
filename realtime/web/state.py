"""The state of the program as JSON, which the page receives whenever it changes."""

from __future__ import annotations

from typing import Any

from realtime.live.view import View
from realtime.stylizer.look import LOOK_RANGES
from realtime.ui.controller import Controller
from realtime.ui.keys import Action
from realtime.web.broadcast import Broadcaster
from realtime.web.style_training import StyleTraining


def describe_state(
    controller: Controller, broadcaster: Broadcaster, training: StyleTraining, sender: str
) -> dict[str, Any]:
    """Return everything that changes. sender: id of the page whose camera is the source, or ""."""
    live, viewer, messages = controller.live, controller.viewer, controller.messages
    editor, source = live.look, live.source
    target, second = editor.target, editor.second_style
    library = live.stylizer.library
    layout = viewer.current.layout if viewer.current is not None else None
    return {
        "look": {name: round(getattr(target, name), 3) for name in LOOK_RANGES},
        "second_share": editor.second_share,
        "styles": live.stylizer.library_version,
        "mix": [{"number": library.number(style.name), "weight": round(weight, 3)} for style, weight in target.mix],
        "second": library.number(second.name) if second is not None else None,
        "label": target.label,
        "adjustments": target.adjustments,
        "active": _active_actions(controller),
        "seam": round(viewer.seam, 3),
        "grid": {"columns": layout.columns, "rows": layout.rows} if layout is not None else None,
        "message": {"count": messages.count, "text": messages.text},
        "source": f"{source.name}: {source.description}",
        "no_signal": viewer.no_signal_reason(),
        "fps": round(broadcaster.fps),
        "size": list(live.working_size),
        "provider": f"{live.stylizer.provider.upper()}: {live.stylizer.provider_reason}",
        "sender": sender,
        "training": training.describe(),
    }


def _active_actions(controller: Controller) -> dict[str, bool]:
    """Return for each action that switches something whether it is on."""
    live = controller.live
    target, view = live.look.target, live.state.view
    return {
        Action.ORIGINAL.value: target.strength == 0,
        Action.COLOURS.value: target.keep_colors > 0,
        Action.MIX.value: live.look.second_style is not None,
        Action.TOUR.value: live.look.touring,
        Action.GRID.value: view is View.GRID,
        Action.SPLIT.value: view is View.SPLIT,
        Action.FREEZE.value: live.state.frozen,
        Action.MIRROR.value: live.mirrored,
        Action.RECORD.value: controller.recorder.recording is not None,
    }
