"""Snapshots on a full disk: no incomplete file is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("first", [True, False])
def test_snapshot_that_does_not_fit_leaves_no_file(first: bool, tmp_path: Path) -> None:
    code = f"""
import resource, sys
from datetime import datetime
from pathlib import Path
import numpy as np
from realtime.errors import StylizeError
from realtime.sinks.snapshot import save_snapshot
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
flat, noise = np.zeros((300, 300, 3), np.uint8), np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
try:
    save_snapshot(Path(sys.argv[1]), "udnie", *((noise, flat) if {first} else (flat, noise)), datetime.now())
except StylizeError as error:
    print(error)
"""
    completed = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (completed.returncode, completed.stderr) == (0, "") and "File too large" in completed.stdout
    assert list(tmp_path.iterdir()) == []
