from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from realtime import errors

ROOT = Path(__file__).parent.parent


def test_the_app_does_not_import_torch() -> None:
    modules = "realtime, realtime.cli.main, realtime.live.pipeline, realtime.ui.display, realtime.cli.listing"
    modules += ", realtime.sources"
    code = f"import sys, {modules}; print([m for m in sys.modules if m.split('.')[0] in ('torch', 'onnx')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def _imported(file: Path) -> set[str]:
    """The modules of this project that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("realtime", "training", "export", "torch", "torchvision")}


@pytest.mark.parametrize("package", ["training", "export"])
def test_training_and_export_import_only_system_from_realtime(package: str) -> None:
    """But for what teaches the app a user's painting, which has to know where the app looks."""
    for file in (ROOT / package).rglob("*.py"):
        foreign = {name for name in _imported(file) if name.startswith("realtime")}
        foreign = {name for name in foreign if not name.startswith("realtime.system")}
        assert bool(foreign) is (file.name in ("fine_tune.py", "user_styles.py")), file


def test_the_app_does_not_import_training_and_export() -> None:
    for file in (ROOT / "realtime").rglob("*.py"):
        assert not {name for name in _imported(file) if not name.startswith("realtime")}, file


def test_the_error_tree_is_the_one_drawn() -> None:
    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and value.__module__ == errors.__name__:
            assert name in drawn and issubclass(value, errors.StylizeError)
