"""The layers of docs/architecture.md, checked on the import statements of every module."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("realtime", "training", "export")
BASE = {"realtime.errors", "realtime.frame", "realtime.imaging", "realtime.system"}
PARTS = BASE | {"realtime.sources", "realtime.stylizer", "realtime.inference", "realtime.sinks"}
# What each folder, or module at the top of `realtime`, may import of the project beside itself.
MAY_IMPORT = {
    "realtime.errors": set[str](),
    "realtime.frame": set[str](),
    "realtime.imaging": {"realtime.frame"},
    "realtime.system": {"realtime.errors"},
    "realtime.sources": BASE,
    "realtime.sinks": BASE,
    "realtime.inference": BASE,
    "realtime.stylizer": BASE | {"realtime.inference"},
    "realtime.live": PARTS,
    "realtime.batch": PARTS,
    "realtime.testing": BASE | {"realtime.sources"},
    "realtime.ui": PARTS | {"realtime.live"},
    "realtime.web": PARTS | {"realtime.live", "realtime.ui"},
    "realtime.cli": PARTS | {"realtime.live", "realtime.batch", "realtime.ui", "realtime.web"},
    "realtime.__main__": {"realtime.cli"},
    "training": {"realtime.system", "export"},
    "export": {"realtime.system", "training"},
}
# These place a user's style where the app finds it, and so have to know the app's model files.
PLACE_USER_STYLES = {"training.fine_tune", "training.user_styles"}
NOT_IN_THE_APP = {"torch", "torchvision", "onnx", "training", "export"}
# Commands print; the library logs.
MAY_PRINT = (
    *("realtime.cli.", "realtime.system.console", "export.cli"),
    *("training.command_line", "training.cli", "training.gatys.cli"),
)
MAX_LEVELS = 9  # levels of folders, each of which imports those below it


def _find_modules() -> dict[str, Path]:
    modules = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            modules[name.removesuffix(".__init__")] = file
    return modules


MODULES = _find_modules()
TREES = {module: ast.parse(file.read_text(encoding="utf-8")) for module, file in MODULES.items()}


def folder_of(module: str) -> str:
    """Return the folder of a module as a key of MAY_IMPORT; of a module at the top of `realtime` the module itself."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "realtime" else 1])


def imported_names(tree: ast.AST) -> set[str]:
    """Return every module that a tree imports, and every `module.name` it imports from one.

    Imports inside of functions count, and those that only a type checker reads: both are knowledge of a module.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would escape this test"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_modules(tree: ast.AST) -> set[str]:
    """Return the modules of the project that a tree imports."""
    return {name if name in MODULES else name.rpartition(".")[0] for name in imported_names(tree)} & MODULES.keys()


IMPORTS = {module: imported_modules(tree) - {module} for module, tree in TREES.items()}


def find_levels(imports: dict[str, set[str]]) -> list[set[str]]:
    """Return the levels of a graph of imports, the lowest first: each imports only from lower ones."""
    levels: list[set[str]] = []
    remaining = dict(imports)
    while remaining:
        level = {name for name, imported in remaining.items() if not imported & (remaining.keys() - {name})}
        assert level, f"imports in a circle among {sorted(remaining)}"
        levels.append(level)
        remaining = {name: imported for name, imported in remaining.items() if name not in level}
    return levels


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"realtime"} - PLACE_USER_STYLES))
def test_module_imports_only_what_its_folder_may(module: str) -> None:
    folder = folder_of(module)
    assert folder in MAY_IMPORT, f"{folder} has no rule yet"
    forbidden = {name for name in IMPORTS[module] if folder_of(name) not in MAY_IMPORT[folder] | {folder}}
    assert not forbidden, f"{module} must not import {sorted(forbidden)}"


@pytest.mark.parametrize("module", sorted(PLACE_USER_STYLES))
def test_module_that_places_user_styles_imports_only_model_files_of_the_app(module: str) -> None:
    allowed = {"realtime.inference", "realtime.stylizer", *BASE, "training", "export"}
    assert {folder_of(name) for name in IMPORTS[module]} <= allowed


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("realtime")))
def test_app_imports_no_training_library(module: str) -> None:
    assert not {name.split(".")[0] for name in imported_names(TREES[module])} & NOT_IN_THE_APP


@pytest.mark.parametrize("module", sorted(name for name in MODULES if not name.startswith(MAY_PRINT)))
def test_library_prints_nothing(module: str) -> None:
    streams = {"stdout", "stderr"}
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{module}, line {node.lineno}: use logging"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            assert node.attr not in streams, f"{module}, line {node.lineno}: use logging"
    names = imported_names(TREES[module])
    assert not {name for name in names if name.startswith(("rich.", "realtime.system.console.write_"))}


def test_modules_import_each_other_in_no_circle() -> None:
    find_levels({module: imports - {"realtime"} for module, imports in IMPORTS.items() if module != "realtime"})


def test_folders_import_each_other_in_no_circle_and_on_few_levels() -> None:
    folders: dict[str, set[str]] = {folder: set() for folder in MAY_IMPORT if folder.startswith("realtime.")}
    for module, imports in IMPORTS.items():
        if module.startswith("realtime."):
            folders[folder_of(module)] |= {folder_of(name) for name in imports} - {"realtime"}
    assert len(find_levels(folders)) <= MAX_LEVELS


def test_every_rule_is_about_a_folder_that_exists() -> None:
    assert MAY_IMPORT.keys() == {folder_of(module) for module in MODULES} - {"realtime"}


def test_environment_is_the_first_import_of_the_package() -> None:
    """That module sets variables that OpenCV and ONNX Runtime read when they are loaded."""
    imports = [node for node in TREES["realtime"].body if isinstance(node, ast.Import | ast.ImportFrom)]
    ours = [ast.unparse(node) for node in imports if "realtime" in ast.unparse(node)]
    assert ours[0] == "from realtime.system import environment"
    assert not imported_modules(TREES["realtime.system.environment"])


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        *((f"realtime.{one}", f"realtime.{other}")
          for one in ("sources", "sinks", "inference")
          for other in ("sources", "sinks", "inference", "stylizer", "live") if one != other),
        *((f"realtime.{one}", f"realtime.{other}")
          for one in ("sources", "stylizer", "sinks", "live", "batch") for other in ("ui", "web", "cli")),
        ("realtime.stylizer", "realtime.sinks"), ("realtime.stylizer", "realtime.sources"),
        ("realtime.live", "realtime.batch"), ("realtime.batch", "realtime.live"),
        ("realtime.ui", "realtime.web"), ("realtime.ui", "realtime.cli"), ("realtime.web", "realtime.cli"),
        ("realtime.system", "realtime.frame"), ("realtime.system", "realtime.imaging"),
        ("training", "realtime.stylizer"), ("export", "realtime.inference"),
    ],
)  # fmt: skip
def test_rules_forbid_what_the_architecture_forbids(importer: str, imported: str) -> None:
    assert imported in MAY_IMPORT and imported not in MAY_IMPORT[importer]


@pytest.mark.parametrize(
    "code",
    [
        "import realtime.live.pipeline",
        "from realtime.live import pipeline",
        "from realtime.live.pipeline import Live",
        "def function():\n    from realtime.live.pipeline import Live",
        "if TYPE_CHECKING:\n    import realtime.live.pipeline as live",
    ],
)
def test_import_is_found_wherever_it_stands(code: str) -> None:
    assert imported_modules(ast.parse(code)) == {"realtime.live.pipeline"}


def test_circle_is_found() -> None:
    with pytest.raises(AssertionError, match=r"circle among \['b', 'c'\]"):
        find_levels({"a": set(), "b": {"a", "c"}, "c": {"b"}})


@pytest.mark.parametrize("package", ["realtime", "training", "export"])
def test_no_code_asks_a_path_a_question_that_may_raise(package: str) -> None:
    """`Path.exists` and its like raise errors for a long name or a loop of links; `os.path` does not."""
    asked = re.compile(r"\w\)?\.(exists|is_dir|is_file|is_symlink|samefile)\(|(?<!__file__\))\.resolve\(")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if asked.search(line.replace("os.path.", ""))
    ]
    assert found == []
