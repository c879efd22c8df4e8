from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from realtime import errors

ROOT = Path(__file__).parent.parent


def test_the_app_does_not_import_torch() -> None:
    modules = "realtime, realtime.cli, realtime.live, realtime.display, realtime.listing, realtime.sources"
    code = f"import sys, {modules}; print([m for m in sys.modules if m.split('.')[0] in ('torch', 'onnx')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_training_and_export_do_not_import_the_app() -> None:
    """But for what teaches it a user's painting, which has to know where the app looks."""
    for package in ("training", "export"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            foreign = "import realtime" in text or "from realtime" in text
            assert foreign is (file.name in ("own.py", "shelf.py")), file


@pytest.mark.parametrize("package", ["realtime", "platforms"])
def test_the_app_does_not_import_training_and_export(package: str) -> None:
    """What both need of a system is in `platforms`, which needs neither."""
    others = {"realtime", "platforms", "training", "export"} - {package, *(["platforms"] * (package == "realtime"))}
    for file in (ROOT / package).rglob("*.py"):
        imported = re.findall(r"^\s*(?:from|import) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert not others & {*imported}, file


def test_the_error_tree_is_the_one_drawn() -> None:
    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and value.__module__ == errors.__name__:
            assert name in drawn and issubclass(value, errors.StylizeError)
