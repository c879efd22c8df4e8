"""docs/video-compatibility.md is written by a program and agrees with what that program finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)  # half a minute on a quiet machine
def test_compatibility_table_equals_program_output(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs/video_compatibility.py"), str(tmp_path / "table.md")]
    subprocess.run(command, check=True, cwd=ROOT, timeout=800)
    made, shown = (
        path.read_text(encoding="utf-8") for path in (tmp_path / "table.md", ROOT / "docs/video-compatibility.md")
    )
    assert made.splitlines() == shown.splitlines()
