"""The benchmarks run; what they measure is for people to judge."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT, Run


def test_cuda_settings(run: Run) -> None:
    done = run("benchmarks.cuda", "--provider", "cpu", "--sizes", "64x64,96x64", "--rounds", "2")
    assert done.returncode == 0 and [line.split()[0] for line in done.stderr.splitlines()] == ["arrays", "fixed", "2"]
    assert "fixed memory" in done.stdout and "96x64 fps" in done.stdout and "failed" not in done.stdout


def test_every_cuda_setting_has_its_row_in_the_docs() -> None:
    from benchmarks.cuda import CHANGES, LANES

    text = (ROOT / "docs/hardware.md").read_text(encoding="utf-8")
    assert all(name in text for name in CHANGES)
    assert all(str(lanes) in text for lanes in LANES)


@pytest.mark.slow
def test_live(run: Run) -> None:
    done = run("benchmarks.live", "--seconds", "1", "--provider", "cpu")
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("fps shown", "later starts", "frozen", "minimised", "MB"))


@pytest.mark.slow
def test_endurance(run: Run) -> None:
    done = run("benchmarks.endurance", "--minutes", "0.5", "--provider", "cpu")
    assert done.returncode == 0, done.stderr
    assert "times rise, streams: video\n" in done.stdout and "open files" in done.stdout
