"""Jobs: which file becomes which."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from realtime.batch.jobs import find_files, plan_jobs
from realtime.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.mp4", "in/b/c.JPG", "in/b/old.avi", "in/x.txt", "one.bmp", "two.mkv", "other/one.bmp"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def plan(output: str, *inputs: str) -> list[tuple[str, str]]:
    return [(j.source.as_posix(), j.output.as_posix()) for j in plan_jobs([Path(i) for i in inputs], output)]


def test_single_input_takes_the_output_name_and_its_format_is_checked(folder: Path) -> None:
    assert plan("new.mp4", "two.mkv") == [("two.mkv", "new.mp4")]
    assert plan("new.webp", "one.bmp") == [("one.bmp", "new.webp")]
    with pytest.raises(UsageError, match="films are written as"):
        plan("new.png", "two.mkv")
    with pytest.raises(UsageError, match="pictures are written as"):
        plan("new.mp4", "one.bmp")


def test_folder_into_folder_keeps_its_tree(folder: Path) -> None:
    expected = [("in/a.mp4", "out/a.mp4"), ("in/b/c.JPG", "out/b/c.JPG"), ("in/b/old.avi", "out/b/old.avi.mp4")]
    assert plan("out/", "in") == plan("out", "in") == expected


def test_output_folder_inside_the_input_folder_is_excluded(folder: Path) -> None:
    (folder / "in/results").mkdir()
    (folder / "in/results/a.mp4").touch()
    assert [source for source, _ in plan("in/results/", "in")] == ["in/a.mp4", "in/b/c.JPG", "in/b/old.avi"]


def test_several_inputs_need_an_output_folder(folder: Path) -> None:
    assert plan("out/", "two.mkv") == [("two.mkv", "out/two.mkv")]
    assert plan("out", "two.mkv", "one.bmp") == [("two.mkv", "out/two.mkv"), ("one.bmp", "out/one.bmp.png")]
    for output in ("two.mkv", "new.mp4"):  # more likely a mistake than the name of a folder
        with pytest.raises(UsageError, match="several inputs need a folder"):
            plan(output, "one.bmp", "in/a.mp4")


def test_equal_output_names_are_refused_and_suffixes_are_appended(folder: Path) -> None:
    (folder / "in/a.avi").touch()
    assert plan("out/", "in")[:2] == [("in/a.avi", "out/a.avi.mp4"), ("in/a.mp4", "out/a.mp4")]
    with pytest.raises(UsageError, match="would both become"):
        plan("out/", "one.bmp", "other/one.bmp", "./one.bmp")


def test_folder_without_media_is_refused(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match="no film and no picture"):
        plan("out/", "empty")


def test_cyclic_links_and_macos_resource_files_are_ignored(folder: Path) -> None:
    (folder / "in/._a.mp4").touch()
    (folder / "in/loop.mp4").symlink_to("loop.mp4")
    (folder / "in/b/up").symlink_to("..")
    assert [source for source, _ in plan("out/", "in")] == ["in/a.mp4", "in/b/c.JPG", "in/b/old.avi"]


def test_unreadable_image_format_is_refused(folder: Path) -> None:
    (folder / "photo.HEIC").touch()
    with pytest.raises(UsageError, match=r"photo.HEIC: pictures of this kind cannot be read; save it as .jpg"):
        plan("new.png", "photo.HEIC")


def test_files_that_are_passed_over_in_folders_are_named(folder: Path) -> None:
    for name in ("in/b/photo.HEIC", "in/raw.dng", "in/.DS_Store", "in/._c.jpg"):
        (folder / name).touch()
    (folder / "in/gone.mp4").symlink_to("nowhere")
    (folder / "in/away").symlink_to(folder / "other")
    os.mkfifo(folder / "in/pipe.mp4")
    lines: list[str] = []
    assert len(find_files([Path("in"), Path("one.bmp")], passed_over=lines)) == 4
    assert lines == [
        "passed over, of a kind that cannot be read (save as .jpg or .png first): in/b/photo.HEIC, in/raw.dng"
        " (2 in all)",
        "passed over, no film and no picture: in/x.txt (1 in all)",
        "passed over, no file: in/away, in/gone.mp4, in/pipe.mp4 (3 in all)",
    ]
    lines.clear()
    find_files([Path(".")], exclude=Path("in"), passed_over=lines)
    assert lines == []


def test_folder_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> Any:  # the superuser, who may run the tests, can read every folder
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    lines: list[str] = []
    assert find_files([Path("in")], passed_over=lines) == [Path("in/a.mp4")]
    assert lines[0] == "passed over: in/b: Permission denied"
    closed: list[str] = []
    assert [job.source for job in plan_jobs([Path("in")], "out/", lines, closed)] == [Path("in/a.mp4")]
    assert closed == ["passed over: in/b: Permission denied"]
