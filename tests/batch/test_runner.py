"""The batch runner: the result of each job, and which errors stop the others."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.batch.jobs import Job
from realtime.batch.process import BatchOptions, Result
from realtime.batch.runner import run_jobs
from realtime.errors import SourceError
from realtime.frame import Image
from realtime.stylizer.library import Library
from realtime.stylizer.style_track import Cue, StyleTrack
from realtime.stylizer.stylizer import Stylizer


@pytest.fixture(scope="module")
def stylizer(library: Library) -> Stylizer:
    return Stylizer(library=library, provider="cpu", strength=0)


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Return a job whose source is no image, and one with an image."""
    (tmp_path / "bad.png").write_bytes(b"nonsense")
    cv2.imwrite(str(tmp_path / "good.png"), np.full((40, 50, 3), 99, np.uint8))
    return [Job(tmp_path / name, tmp_path / "out" / name) for name in ("bad.png", "good.png")]


def run(jobs: list[Job], stylizer: Stylizer, results: list[Result], *, into_folder: bool) -> None:
    track = StyleTrack((Cue(0.0, stylizer.look),))
    results.extend(run_jobs(jobs, stylizer, track, BatchOptions(into_folder=into_folder)))


def test_failed_job_is_a_result_and_the_next_one_follows_in_a_folder(jobs: list[Job], stylizer: Stylizer) -> None:
    results: list[Result] = []
    run(jobs, stylizer, results, into_folder=True)
    assert [result.state for result in results] == ["failed", "painted"]
    assert "bad.png is damaged" in results[0].error and results[1].error == ""
    assert [path.name for path in jobs[0].output.parent.iterdir()] == ["good.png"]


def test_failed_job_is_a_result_and_then_raised_for_a_single_file(jobs: list[Job], stylizer: Stylizer) -> None:
    jobs[0].output.parent.mkdir()
    results = run_jobs(jobs, stylizer, StyleTrack((Cue(0.0, stylizer.look),)), BatchOptions())
    assert next(results).state == "failed"
    with pytest.raises(SourceError, match=r"bad\.png is damaged"):
        next(results)


def test_interrupted_image_is_a_result_and_then_raised(
    jobs: list[Job], stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(image: Image, *arguments: object) -> Image:
        raise KeyboardInterrupt

    monkeypatch.setattr(stylizer, "stylize_at", interrupt)
    options = BatchOptions(into_folder=True)
    results = run_jobs(jobs[1:], stylizer, StyleTrack((Cue(0.0, stylizer.look),)), options)
    assert next(results).state == "interrupted"
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert list(jobs[1].output.parent.iterdir()) == []


def test_existing_output_is_skipped_in_a_folder(jobs: list[Job], stylizer: Stylizer) -> None:
    jobs[1].output.parent.mkdir()
    jobs[1].output.write_bytes(b"mine")
    results: list[Result] = []
    run(jobs[1:], stylizer, results, into_folder=True)
    assert [result.state for result in results] == ["skipped"]
    assert jobs[1].output.read_bytes() == b"mine"
