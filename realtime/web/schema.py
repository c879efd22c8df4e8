"""The page's controls as JSON, and its commands back from JSON."""

from __future__ import annotations

from typing import Any

from realtime.errors import UsageError
from realtime.live.look_editor import SECOND_SHARE
from realtime.stylizer.library import Library
from realtime.stylizer.look import LOOK_RANGES
from realtime.ui.commands import RANGES, Command, SetValue
from realtime.ui.keys import BINDINGS, NUMBERED, PRESET_KEYS, Action, ActionCommand, Binding

PAGE_ACTIONS = (Action.HUD, Action.HELP, Action.FULL_SCREEN)  # the page does them itself
EXCLUDED_ACTIONS = (Action.QUIT,)  # a page must not end the program
MAX_VALUE, MAX_NUMBER = 1e9, 1000


def describe_controls(library: Library) -> dict[str, Any]:
    """Return every control, every style and the ranges of the sliders."""
    styles = [
        {"name": style.name, "title": style.title or style.name, "artist": style.artist, "year": style.year}
        for _, style in library.styles
    ]
    controls = [_control(binding) for binding in BINDINGS if binding.action not in EXCLUDED_ACTIONS]
    return {"controls": controls, "styles": styles, "ranges": RANGES}


def _control(binding: Binding) -> dict[str, Any]:
    """Return a control. setting: the name of the value that a slider sets, or None for a button."""
    setting = binding.option.removeprefix("--").replace("-", "_") if binding.reverse_keys else ""
    if binding.action is Action.MIX_SHARE:
        setting = SECOND_SHARE
    return {
        "action": binding.action.value,
        "keys": binding.keys,
        "reverse_keys": binding.reverse_keys,
        "shown": binding.shown,
        "help": binding.help,
        "setting": setting if setting in (*LOOK_RANGES, SECOND_SHARE) else None,
        "numbered": binding.action in NUMBERED,
        "local": binding.action in PAGE_ACTIONS,
    }


def parse_command(data: object) -> Command:
    """Parse {"action": NAME, "number": N} or {"setting": NAME, "value": X}. Raises UsageError."""
    if isinstance(data, dict) and "setting" in data:
        return _parse_setting(data["setting"], data.get("value"))
    if isinstance(data, dict) and "action" in data:
        return _parse_action(data["action"], data.get("number", 1))
    raise UsageError('expected {"action": NAME, "number": N} or {"setting": NAME, "value": X}')


def _parse_setting(name: object, value: object) -> SetValue:
    """Parse a value, limited to its range."""
    if not isinstance(name, str) or name not in RANGES:
        raise UsageError(f"no setting {name!r}; there are {', '.join(RANGES)}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX_VALUE < value < MAX_VALUE:
        raise UsageError(f"{name}: expected a number, got {value!r}")
    low, high = RANGES[name]
    return SetValue(name, min(high, max(low, float(value))))


def _parse_action(name: object, number: object) -> ActionCommand:
    actions = {action.value: action for action in Action if action not in (*PAGE_ACTIONS, *EXCLUDED_ACTIONS)}
    if not isinstance(name, str) or name not in actions:
        raise UsageError(f"no action {name!r}; there are {', '.join(actions)}")
    action = actions[name]
    if isinstance(number, bool) or not isinstance(number, int) or not -1 <= number < MAX_NUMBER:
        raise UsageError(f"{name}: expected a whole number, got {number!r}")
    if action in (Action.RECALL_PRESET, Action.SAVE_PRESET) and not 0 <= number < len(PRESET_KEYS):
        raise UsageError(f"{name}: expected 0 to {len(PRESET_KEYS) - 1}, got {number}")
    if action in NUMBERED:
        return ActionCommand(action, max(0, number))
    return ActionCommand(action, -1 if number < 0 else 1)
