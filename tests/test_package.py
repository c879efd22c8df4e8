"""The package as a whole: its imports, public names and exceptions."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import realtime
from realtime import errors

ROOT = Path(__file__).parent.parent


def test_app_does_not_load_torch() -> None:
    modules = "realtime, realtime.cli.main, realtime.live.pipeline, realtime.ui.display, realtime.cli.listing"
    modules += ", realtime.sources"
    code = f"import sys, {modules}; print([m for m in sys.modules if m.split('.')[0] in ('torch', 'onnx')])"
    completed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert completed.stdout.strip() == "[]", completed.stdout + completed.stderr


@pytest.mark.parametrize("name", realtime.__all__)
def test_public_name_is_documented_with_an_example(name: str) -> None:
    documentation = inspect.getdoc(getattr(realtime, name)) or ""
    assert "Example:" in documentation


def test_docstring_of_errors_shows_every_exception() -> None:
    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and value.__module__ == errors.__name__:
            assert name in drawn and issubclass(value, errors.StylizeError)
