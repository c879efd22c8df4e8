"""The benchmarks run to their end; people judge what they measure."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.plots import OURS_COLOR
from tests.conftest import ROOT, Run
from tests.video_files import make_media


def test_cuda_prints_a_row_for_each_setting(run: Run) -> None:
    completed = run("benchmarks.cuda", "--provider", "cpu", "--sizes", "64x64,96x64", "--rounds", "2")
    assert completed.returncode == 0 and [line.split()[0] for line in completed.stderr.splitlines()] == [
        "arrays",
        "fixed",
        "2",
    ]
    assert "fixed memory" in completed.stdout and "96x64 fps" in completed.stdout and "failed" not in completed.stdout


def test_docs_have_a_row_for_every_cuda_setting() -> None:
    from benchmarks.cuda import NUM_WORKERS, OPTION_CHANGES

    text = (ROOT / "docs/hardware.md").read_text(encoding="utf-8")
    assert all(name in text for name in OPTION_CHANGES)
    assert all(str(num_workers) in text for num_workers in NUM_WORKERS)


@pytest.mark.slow
def test_live_prints_all_quantities(run: Run) -> None:
    completed = run("benchmarks.live", "--seconds", "1", "--provider", "cpu")
    assert completed.returncode == 0, completed.stderr
    assert all(word in completed.stdout for word in ("fps shown", "later starts", "frozen", "minimised", "MB"))


@pytest.mark.slow
def test_endurance_finds_rising_times_in_its_recording(run: Run) -> None:
    completed = run("benchmarks.endurance", "--minutes", "0.5", "--provider", "cpu")
    assert completed.returncode == 0, completed.stderr
    assert "times rise, streams: video\n" in completed.stdout and "open files" in completed.stdout


def test_speed_prints_and_plots_a_row_for_each_contender(run: Run, tmp_path: Path) -> None:
    completed = run("benchmarks.speed", "--size", "64x64", "--rounds", "1", "--plot", "speed.svg")
    assert completed.returncode == 0, completed.stderr
    lines = [line for line in completed.stdout.splitlines() if "ours:" in line or "TransformerNet" in line]
    rows = [line.split() for line in lines]
    assert len(rows) >= 5 and all(float(number) > 0 for row in rows for number in row[-5:])
    assert rows[0][-3] == rows[0][-1] == "1.00", "the other rows are multiples of the first"
    drawing = (tmp_path / "speed.svg").read_text(encoding="utf-8")
    names = [line.split("  ")[1].strip() for line in lines]
    assert all(f"<!-- {name} -->" in drawing for name in names), "each has a bar"
    assert drawing.count(f"fill: {OURS_COLOR}") == len(names) - 1, "ours are highlighted"


def test_smooth_measures_less_flicker_at_more_smoothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    make_media(tmp_path / "clips/drawn.mp4", "-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=10", "-t", "0.7")
    completed = run("benchmarks.smooth", "--clips", "clips", "--styles", "great_wave", "--frames", "7")
    assert completed.returncode == 0, completed.stderr
    (row,) = [line.split() for line in completed.stdout.splitlines() if "great_wave" in line]
    none, half, full, milliseconds = map(float, row[-4:])
    assert none > half > full > 0 < milliseconds
    empty = run("benchmarks.smooth", "--clips", ".")
    assert empty.returncode == 1 and empty.stderr == "benchmarks.smooth: no .mp4 in .\n"


@pytest.mark.slow
def test_load_plots_and_saves_what_it_measures(run: Run, tmp_path: Path) -> None:
    files = ("--plot", "load.png", "--save", "observations")
    completed = run("benchmarks.load", "--provider", "cpu", "--rest", "2", "--busy", "2", *files)
    assert completed.returncode == 0, completed.stderr
    assert all(words in completed.stdout for words in ("before", "the first second of load", "at the end"))
    line_color = np.array([int(OURS_COLOR[n : n + 2], 16) for n in (5, 3, 1)])  # BGR
    drawing = np.asarray(cv2.imread(str(tmp_path / "load.png")), int)
    assert (np.abs(drawing - line_color).max(axis=2) < 8).sum() > 300, "the curves are drawn"
    observations = [line.split() for line in (tmp_path / "observations").read_text().splitlines()]
    assert len(observations) > 20 and all(len(words) == 3 for words in observations)


@pytest.mark.slow
def test_film_keeps_frames_length_size_and_sound(run: Run) -> None:
    completed = run("benchmarks.film", "--provider", "cpu", "--sizes", "64x48", "--seconds", "1")
    assert completed.returncode == 0, completed.stderr
    (row,) = [line for line in completed.stdout.splitlines() if " ours " in line]
    found = [word for word in row.split() if word in ("25", "1.00", "64x48", "bit")]
    assert found == ["25", "1.00", "64x48", "bit", "bit"]
