"""The one table of key bindings: it drives the window, the help overlay and the README."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """What a key asks for."""

    NEXT = "next"
    PREVIOUS = "previous"
    STYLE = "style"
    ORIGINAL = "original"
    HUD = "hud"
    HELP = "help"
    MIRROR = "mirror"
    SNAPSHOT = "snapshot"
    FREEZE = "freeze"
    FULL_SCREEN = "full screen"
    QUIT = "quit"


@dataclass(frozen=True)
class Binding:
    """Keys that do one thing. shown: how people read them; help: what it does, for people."""

    keys: tuple[str, ...]
    action: Action
    shown: str
    help: str


BINDINGS = (
    Binding(("n", "right"), Action.NEXT, "n →", "next style"),
    Binding(("p", "left"), Action.PREVIOUS, "p ←", "previous style"),
    Binding(tuple("123456789"), Action.STYLE, "1 … 9", "that style"),
    Binding(("0",), Action.ORIGINAL, "0", "the original, and back"),
    Binding(("space",), Action.FREEZE, "space", "freeze, and go on"),
    Binding(("s",), Action.SNAPSHOT, "s", "save a snapshot, painted and original"),
    Binding(("t",), Action.MIRROR, "t", "mirror, or not"),
    Binding(("f",), Action.FULL_SCREEN, "f", "full screen, or window"),
    Binding(("i",), Action.HUD, "i", "show or hide the figures"),
    Binding(("h",), Action.HELP, "h", "show or hide this help"),
    Binding(("q", "escape"), Action.QUIT, "q Esc", "quit"),
)

# What waitKeyEx returns for keys without a letter, by window system: X11 and Qt, Windows, macOS.
_SPECIAL = {
    65361: "left", 65362: "up", 65363: "right", 65364: "down",
    0x250000: "left", 0x260000: "up", 0x270000: "right", 0x280000: "down",
    63234: "left", 63232: "up", 63235: "right", 63233: "down",
    27: "escape", 32: "space",
}  # fmt: skip
_ACTIONS = {key: binding.action for binding in BINDINGS for key in binding.keys}


@dataclass(frozen=True)
class Command:
    """An action, and for STYLE which one: 0 is the first."""

    action: Action
    number: int = 0


def command(code: int) -> Command | None:
    """What the key means. code: as cv2.waitKeyEx returns it, -1 for no key."""
    if code < 0:
        return None
    name = _SPECIAL.get(code)
    if name is None:
        # GTK reports locks and modifiers in the upper bits.
        low = code & 0xFFFF
        name = _SPECIAL.get(low) or (chr(low).lower() if 32 < low < 127 else "")
    action = _ACTIONS.get(name)
    if action is None:
        return None
    return Command(action, int(name) - 1 if action is Action.STYLE else 0)


def markdown_table() -> str:
    """The bindings as the README has them."""
    rows = [f"| `{binding.shown}` | {binding.help} |" for binding in BINDINGS]
    return "\n".join(["| Key | What it does |", "| --- | --- |", *rows])
