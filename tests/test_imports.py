"""The layers of docs/architecture.md, held by the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("realtime", "training", "export")
GROUND = {"realtime.errors", "realtime.frame", "realtime.imaging", "realtime.system"}
LINE = GROUND | {"realtime.sources", "realtime.stylizer", "realtime.inference", "realtime.sinks"}
STEERING = LINE | {"realtime.live", "realtime.ui"}
# What each folder, or file at the top, may import of the project beside itself.
MAY_IMPORT = {
    "realtime.errors": set[str](),
    "realtime.frame": set[str](),
    "realtime.imaging": {"realtime.frame"},
    "realtime.system": {"realtime.errors"},
    "realtime.sources": GROUND,
    "realtime.sinks": GROUND,
    "realtime.inference": GROUND,
    "realtime.stylizer": GROUND | {"realtime.inference"},
    "realtime.live": LINE,
    "realtime.batch": LINE,
    "realtime.testing": GROUND | {"realtime.sources"},
    "realtime.ui": LINE | {"realtime.live"},
    "realtime.web": STEERING,
    "realtime.cli": STEERING | {"realtime.batch", "realtime.web"},
    "realtime.__main__": {"realtime.cli"},
    "training": {"realtime.system", "export"},
    "export": {"realtime.system", "training"},
}
# They place a user's style where the app looks for it, and so have to know the app's model files.
PLACING = {"training.fine_tune", "training.user_styles"}
LEVELS = 9  # floors, counted in folders and the files at the top


def _modules() -> dict[str, Path]:
    found = {}
    for package in OURS:
        for file in (ROOT / package).rglob("*.py"):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = file
    return found


MODULES = _modules()


def _room(module: str) -> str:
    """The folder that a module lies in, or the file itself at the top of `realtime`."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "realtime" else 1])


def _imports(module: str, *, on_loading: bool = False) -> set[str]:
    """The modules of the project that this one imports, wherever it does so; on_loading: only those it needs at once.

    What only a type checker reads counts too, except on loading: a name in a signature is knowledge of a module.
    """
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        later |= isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if on_loading and later:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & MODULES.keys()) or {node.module}
        pending.extend(ast.iter_child_nodes(node))
    return {name for name in found if name in MODULES and name != module}


IMPORTS = {module: _imports(module) for module in MODULES}


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ("realtime", *PLACING)])
def test_module_imports_only_rooms_below_its_own(module: str) -> None:
    room = _room(module)
    rooms = {_room(name) for name in IMPORTS[module]} - {room}
    assert rooms <= MAY_IMPORT[room], f"{module} must not import {sorted(rooms - MAY_IMPORT[room])}"


def test_only_modules_that_place_user_styles_import_the_app() -> None:
    foreign = {"realtime.inference", "realtime.stylizer", *GROUND, "training", "export"}
    for module in PLACING:
        assert {_room(name) for name in IMPORTS[module]} <= foreign


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("realtime")])
def test_app_never_imports_torch(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name.split(".")[0] for name in names} & {"torch", "torchvision", "training", "export", "onnx"}


def test_imports_form_no_circle_and_at_most_nine_levels() -> None:
    """Of modules: no circle, not even one that only a type checker or a function's body closes."""
    level: dict[str, int] = {}
    waiting = {module: set(names) for module, names in IMPORTS.items() if module != "realtime"}
    for floor in range(len(MODULES)):
        ready = {module for module, names in waiting.items() if not (names & waiting.keys())}
        if not ready:
            break
        level |= dict.fromkeys(ready, floor)
        waiting = {module: names for module, names in waiting.items() if module not in ready}
    assert not waiting, f"a circle among {sorted(waiting)}"


def test_rooms_stand_on_at_most_nine_levels() -> None:
    rooms: dict[str, set[str]] = {}
    for module, names in IMPORTS.items():
        if module != "realtime":
            rooms.setdefault(_room(module), set()).update(_room(name) for name in names if name != "realtime")
    for room, below in rooms.items():
        below.discard(room)
    rooms = {room: below for room, below in rooms.items() if room.startswith("realtime.")}
    floors = 0
    while rooms:
        ready = {room for room, below in rooms.items() if not below & rooms.keys()}
        assert ready, f"a circle among {sorted(rooms)}"
        rooms = {room: below for room, below in rooms.items() if room not in ready}
        floors += 1
    assert floors <= LEVELS
