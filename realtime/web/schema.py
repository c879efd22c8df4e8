"""What the page can do: the keys' own table, as the browser gets it and as it comes back."""

from __future__ import annotations

from typing import Any

from realtime.errors import UsageError
from realtime.live.look_editor import SECOND_SHARE
from realtime.stylizer.library import Library
from realtime.stylizer.look import LOOK_RANGES
from realtime.ui.commands import RANGES, Command, SetValue
from realtime.ui.keys import BINDINGS, NUMBERED, PRESET_KEYS, Action, ActionCommand, Binding

# The page has its own ways to be full screen or to explain itself; nobody far away should end the program.
IN_THE_PAGE = (Action.HUD, Action.HELP, Action.FULL_SCREEN)
NOT_THERE = (Action.QUIT,)


def table(library: Library) -> dict[str, Any]:
    """Every control and every style."""
    rows = [_row(binding) for binding in BINDINGS if binding.action not in NOT_THERE]
    styles = [
        {"name": style.name, "title": style.title or style.name, "artist": style.artist, "year": style.year}
        for _, style in library.styles
    ]
    return {"controls": rows, "styles": styles, "ranges": RANGES}


def _row(binding: Binding) -> dict[str, Any]:
    dial = binding.option.removeprefix("--").replace("-", "_")
    return {
        "action": binding.action.value,
        "keys": binding.keys,
        "less": binding.reverse_keys,
        "shown": binding.shown,
        "help": binding.help,
        "dial": dial
        if dial in LOOK_RANGES and binding.reverse_keys
        else SECOND_SHARE
        if binding.action is Action.MIX_SHARE
        else None,
        "numbered": binding.action in NUMBERED,
        "local": binding.action in IN_THE_PAGE,
    }


def read_order(data: object) -> Command:
    """What the page has sent: {"action": NAME, "number": N}, or {"dial": NAME, "value": X}.

    Raises UsageError where it is neither.
    """
    if isinstance(data, dict) and "dial" in data:
        dial, value = data["dial"], data.get("value")
        if not isinstance(dial, str) or dial not in RANGES:
            raise UsageError(f"no dial {dial!r}; there are {', '.join(RANGES)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9:
            raise UsageError(f"{dial}: expected a number, got {value!r}")
        low, high = RANGES[dial]
        return SetValue(dial, min(high, max(low, float(value))))
    if isinstance(data, dict) and "action" in data:
        actions = {action.value: action for action in Action if action not in (*IN_THE_PAGE, *NOT_THERE)}
        name, number = data["action"], data.get("number", 1)
        if not isinstance(name, str) or name not in actions:
            raise UsageError(f"no action {name!r}; there are {', '.join(actions)}")
        if isinstance(number, bool) or not isinstance(number, int) or not -1 <= number < 1000:
            raise UsageError(f"{name}: expected a whole number, got {number!r}")
        if actions[name] in (Action.RECALL_PRESET, Action.SAVE_PRESET) and not 0 <= number < len(PRESET_KEYS):
            raise UsageError(f"{name}: expected 0 to {len(PRESET_KEYS) - 1}, got {number}")
        if actions[name] not in NUMBERED:
            number = -1 if number < 0 else 1
        return ActionCommand(actions[name], max(0, number) if actions[name] in NUMBERED else number)
    raise UsageError('expected {"action": NAME, "number": N} or {"dial": NAME, "value": X}')
