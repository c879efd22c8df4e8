"""The wheel in an environment of its own, outside of the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import copy_checkout


@pytest.mark.timeout(600)
def test_wheel_works_alone_and_brings_no_torch(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def call(*command: str | Path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(part) for part in command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    checkout = copy_checkout(tmp_path / "checkout")  # pip builds in the folder itself, which other tests use
    call(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", "wheel", checkout)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh/bin/python"
    call(python, "-m", "pip", "install", "-q", "-c", ROOT / "tests/constraints.txt", wheel)
    packages = call(python, "-m", "pip", "list", "--format=json").stdout
    names = {package["name"] for package in json.loads(packages)}
    assert "realtime-stylize" in names and not names & {"torch", "torchvision", "onnx"}

    command = tmp_path / "fresh/bin/realtime-stylize"
    call(command, "--demo", "--no-window", "--frames", "60", "--stats", "s.json")
    table = json.loads((tmp_path / "s.json").read_text())
    assert table["frames_painted"] == 60
    assert table["fps"] > 0 and table["latency_ms"]["p50"] > 0 and table["provider"]

    loaded = call(python, "-c", "import sys, realtime; print('torch' in sys.modules, realtime.__file__)").stdout
    assert loaded.startswith("False") and str(tmp_path) in loaded
    for other in ("stylize-train", "stylize-export", "stylize-still"):
        assert "usage" in call(tmp_path / "fresh/bin" / other, "--help").stdout
