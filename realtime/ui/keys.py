"""The table of key bindings, for the window, the help over the picture, the web page and the documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """What a key makes the program do."""

    NEXT = "next"
    PREVIOUS = "previous"
    STYLE = "style"
    ORIGINAL = "original"
    HUD = "hud"
    HELP = "help"
    MIRROR = "mirror"
    SNAPSHOT = "snapshot"
    RECORD = "record"
    CAMERA = "camera"
    FREEZE = "freeze"
    FULL_SCREEN = "full screen"
    MIX = "mix"
    MIX_SHARE = "mix share"
    TOUR = "tour"
    GRID = "grid"
    SPLIT = "split"
    STRENGTH = "strength"
    COLOURS = "colours"
    STROKE = "stroke"
    SMOOTH = "smooth"
    RECALL_PRESET = "recall preset"
    SAVE_PRESET = "save preset"
    QUIT = "quit"


@dataclass(frozen=True)
class Binding:
    """The keys of one action.

    shown: the keys as help shows them. help: what they do. reverse_keys: keys for the same action in the opposite
    direction. option: the option of the command line for the same thing.
    """

    keys: tuple[str, ...]
    action: Action
    shown: str
    help: str
    reverse_keys: tuple[str, ...] = ()
    option: str = ""


NUMBERED = (Action.STYLE, Action.RECALL_PRESET, Action.SAVE_PRESET)  # actions whose commands have a number
PRESET_KEYS = ("f1", "f2", "f3", "f4")
BINDINGS = (
    Binding(("n", "right"), Action.NEXT, "n →", "next style", option="--style"),
    Binding(("p", "left"), Action.PREVIOUS, "p ←", "previous style", option="--style"),
    Binding(tuple("123456789"), Action.STYLE, "1 … 9", "that style", option="--style"),
    Binding(("0",), Action.ORIGINAL, "0", "the original, and back", option="--strength"),
    Binding(("g",), Action.GRID, "g", "all styles at once; click one", option="--view"),
    Binding(("x",), Action.MIX, "x", "mix with the style before, or not", option="--style"),
    Binding((".",), Action.MIX_SHARE, ", .", "less or more of that one", (",",), option="--style"),
    Binding(("a",), Action.TOUR, "a", "walk through all styles", option="--tour"),
    Binding(("+", "="), Action.STRENGTH, "+ -", "more or less paint", ("-",), option="--strength"),
    Binding(("c",), Action.COLOURS, "c", "the photo's colours, or the painting's", option="--keep-colors"),
    Binding(("]",), Action.STROKE, "[ ]", "finer or larger strokes", ("[",), option="--stroke"),
    Binding(("'",), Action.SMOOTH, "; '", "less or more smoothing", (";",), option="--smooth"),
    Binding(PRESET_KEYS, Action.RECALL_PRESET, "F1 … F4", "a look you have kept", option="--look"),
    Binding(tuple(f"shift+{key}" for key in PRESET_KEYS), Action.SAVE_PRESET, "shift F1 …", "keep this look there"),
    Binding(("v",), Action.SPLIT, "v", "split: photo and painting; drag the seam", option="--view"),
    Binding(("space",), Action.FREEZE, "space", "freeze, and go on"),
    Binding(("s",), Action.SNAPSHOT, "s", "save a snapshot, painted and original"),
    Binding(("r",), Action.RECORD, "r", "record, and stop", option="--record"),
    Binding(("k",), Action.CAMERA, "k", "next camera", option="--camera"),
    Binding(("t",), Action.MIRROR, "t", "mirror, or not", option="--mirror"),
    Binding(("f",), Action.FULL_SCREEN, "f", "full screen, or window", option="--full-screen"),
    Binding(("i",), Action.HUD, "i", "show or hide the figures", option="--figures"),
    Binding(("h",), Action.HELP, "h", "show or hide this help"),
    Binding(("q", "escape"), Action.QUIT, "q Esc", "quit"),
)

# Codes that waitKeyEx returns for keys without a character, by window system: X11 and Qt, Windows, macOS.
_SPECIAL_KEYS = {
    65361: "left", 65362: "up", 65363: "right", 65364: "down",
    0x250000: "left", 0x260000: "up", 0x270000: "right", 0x280000: "down",
    63234: "left", 63232: "up", 63235: "right", 63233: "down",
    65470: "f1", 65471: "f2", 65472: "f3", 65473: "f4",
    0x700000: "f1", 0x710000: "f2", 0x720000: "f3", 0x730000: "f4",
    63236: "f1", 63237: "f2", 63238: "f3", 63239: "f4",
    27: "escape", 32: "space", 65451: "+", 65453: "-",
}  # fmt: skip
GTK_SHIFT = 0x10000  # bit that GTK sets in a code while shift is held
_ACTIONS = {key: (binding.action, 1) for binding in BINDINGS for key in binding.keys}
_ACTIONS |= {key: (binding.action, -1) for binding in BINDINGS for key in binding.reverse_keys}


@dataclass(frozen=True)
class ActionCommand:
    """Execute an action.

    number: for actions in NUMBERED which style or preset, 0 is the first; for others 1, or -1 for the opposite
    direction.
    """

    action: Action
    number: int = 1


def command_for_key(code: int, shift_held: Callable[[], bool] = lambda: False) -> ActionCommand | None:
    """Return the command of a key, or None. code: as cv2.waitKeyEx returns it, -1 for no key."""
    if code < 0:
        return None
    name = _SPECIAL_KEYS.get(code)
    if name is None:
        low = code & 0xFFFF  # the upper bits are the locks and modifiers of GTK
        name = _SPECIAL_KEYS.get(low) or (chr(low).lower() if 32 < low < 127 else "")
    if name in PRESET_KEYS and (shift_held() or (code & GTK_SHIFT and code & 0xFFFF)):
        name = f"shift+{name}"
    if name not in _ACTIONS:
        return None
    action, direction = _ACTIONS[name]
    return ActionCommand(action, int(name[-1]) - 1 if action in NUMBERED else direction)


def markdown_table() -> str:
    """Return the bindings as a Markdown table, for the documentation."""
    rows = [f"| `{binding.shown}` | {binding.help} |" for binding in BINDINGS]
    return "\n".join(["| Key | What it does |", "| --- | --- |", *rows])
