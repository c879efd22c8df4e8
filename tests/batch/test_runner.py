"""The batch runner: the result of each job, and which errors stop the others."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.batch.jobs import Job, plan_jobs
from realtime.batch.process import BatchOptions, Result
from realtime.batch.runner import run_jobs
from realtime.errors import SourceError
from realtime.frame import Image
from realtime.sinks.output_file import lock_output
from realtime.stylizer.library import Library
from realtime.stylizer.style_track import Cue, StyleTrack
from realtime.stylizer.stylizer import Stylizer
from tests.video_files import make_media


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


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32, np.float64])
def test_tiff_of_any_sample_type_does_not_stop_the_others(
    tmp_path: Path, jobs: list[Job], stylizer: Stylizer, dtype: type[np.generic]
) -> None:
    bad = Job(tmp_path / "bad.tif", tmp_path / "out" / "bad.tif")
    assert cv2.imwrite(str(bad.source), np.ones((20, 30), dtype))
    results: list[Result] = []
    run([bad, jobs[1]], stylizer, results, into_folder=True)
    assert results[1].state == "painted"
    assert results[0].state == "painted" if dtype is np.float64 else "not of 8 or 16 bits" in results[0].error


def test_unexpected_error_is_the_line_of_its_file(
    jobs: list[Job], stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(image: Image, *arguments: object) -> Image:
        raise errors.pop()

    errors = [ZeroDivisionError("of\nall"), MemoryError()]
    monkeypatch.setattr(stylizer, "stylize_at", fail)
    results: list[Result] = []
    run([jobs[1], jobs[1]], stylizer, results, into_folder=True)
    assert [result.state for result in results] == ["failed", "failed"]
    assert results[0].error == f"{jobs[1].source}: there is not enough memory for it"
    assert results[1].error == f"{jobs[1].source}: ZeroDivisionError: of (--debug shows where)"


@pytest.mark.parametrize(
    "name", ["n" * 251 + ".mp4", "é" * 125 + ".mkv", "n" * 251 + ".jpg", "n" * 251 + ".bmp", "n" * 251 + ".avi"]
)
def test_name_of_255_bytes_is_stylized_in_a_folder(tmp_path: Path, stylizer: Stylizer, name: str) -> None:
    source = tmp_path / "in" / name
    source.parent.mkdir()
    if name.endswith(("jpg", "bmp")):
        data = cv2.imencode(source.suffix, np.full((40, 50, 3), 99, np.uint8))[1].tobytes()
        source.write_bytes(data)
    else:
        make_media(tmp_path / f"x{source.suffix}").rename(source)
    results: list[Result] = []
    run(plan_jobs([source.parent], str(tmp_path / "out")), stylizer, results, into_folder=True)
    assert [(result.state, result.error) for result in results] == [("painted", "")]
    assert len([*(tmp_path / "out").iterdir()]) == 1


def test_output_that_another_run_writes_is_one_failed_line(jobs: list[Job], stylizer: Stylizer) -> None:
    jobs[1].output.parent.mkdir()
    lock = lock_output(jobs[1].output)
    results: list[Result] = []
    run(jobs[1:], stylizer, results, into_folder=True)
    lock.release()
    assert results[0].error == f"{jobs[1].output} is being written by another run of this program"
    assert list(jobs[1].output.parent.iterdir()) == []
