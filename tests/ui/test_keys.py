"""The table of key bindings."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.cli.options import build_parser
from realtime.ui.keys import BINDINGS, Action, ActionCommand, command_for_key, markdown_table

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (ord("n"), ActionCommand(Action.NEXT)),
        (ord("N"), ActionCommand(Action.NEXT)),
        (65363, ActionCommand(Action.NEXT)),  # X11
        (0x270000, ActionCommand(Action.NEXT)),  # Windows
        (63235, ActionCommand(Action.NEXT)),  # macOS
        (65361, ActionCommand(Action.PREVIOUS)),
        (ord("+"), ActionCommand(Action.STRENGTH, 1)),
        (ord("="), ActionCommand(Action.STRENGTH, 1)),
        (ord("-"), ActionCommand(Action.STRENGTH, -1)),
        (65453, ActionCommand(Action.STRENGTH, -1)),  # X11's numeric keypad
        (ord("]"), ActionCommand(Action.STROKE, 1)),
        (ord("["), ActionCommand(Action.STROKE, -1)),
        (ord("'"), ActionCommand(Action.SMOOTH, 1)),
        (ord(";"), ActionCommand(Action.SMOOTH, -1)),
        (ord("."), ActionCommand(Action.MIX_SHARE, 1)),
        (ord(","), ActionCommand(Action.MIX_SHARE, -1)),
        (ord("1"), ActionCommand(Action.STYLE, 0)),
        (ord("9"), ActionCommand(Action.STYLE, 8)),
        (ord("0"), ActionCommand(Action.ORIGINAL)),
        (32, ActionCommand(Action.FREEZE)),
        (27, ActionCommand(Action.QUIT)),
        (0x100000 | ord("q"), ActionCommand(Action.QUIT)),  # GTK with NumLock on
        (-1, None),
        (ord("z"), None),
        (0, None),
        (65470, ActionCommand(Action.RECALL_PRESET, 0)),  # X11
        (0x730000, ActionCommand(Action.RECALL_PRESET, 3)),  # Windows
        (63237, ActionCommand(Action.RECALL_PRESET, 1)),  # macOS
        (0x10000 | 65471, ActionCommand(Action.SAVE_PRESET, 1)),  # GTK reports shift in the code
        (0x710000, ActionCommand(Action.RECALL_PRESET, 1)),  # Windows; the bit of GTK's shift is part of the code
        (65474, None),  # F5
        (65505, None),  # shift by itself, in Qt
    ],
)
def test_command_for_key_knows_codes_of_every_window_system(code: int, expected: ActionCommand | None) -> None:
    assert command_for_key(code) == expected


@pytest.mark.parametrize("code", [65470, 0x700000, 63236])
def test_shift_with_preset_key_saves_preset(code: int) -> None:
    assert command_for_key(code, lambda: True) == ActionCommand(Action.SAVE_PRESET, 0)
    assert command_for_key(ord("n"), lambda: True) == ActionCommand(Action.NEXT)


def test_no_key_has_two_actions() -> None:
    keys = [key for binding in BINDINGS for key in (*binding.keys, *binding.reverse_keys)]
    assert len(keys) == len(set(keys))


def test_every_action_has_a_key() -> None:
    assert {binding.action for binding in BINDINGS} == set(Action)


def test_every_action_has_an_option_unless_it_is_momentary() -> None:
    options = {option for action in build_parser()._actions for option in action.option_strings}
    momentary = {Action.SAVE_PRESET, Action.FREEZE, Action.SNAPSHOT, Action.HELP, Action.QUIT}
    assert {binding.action for binding in BINDINGS if not binding.option} == momentary
    assert {binding.option for binding in BINDINGS if binding.option} <= options


def test_the_readme_has_this_table() -> None:
    assert markdown_table() in (ROOT / "README.md").read_text(encoding="utf-8")
