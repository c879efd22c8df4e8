"""Atomic replacement of files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import realtime.system.files
from realtime.system.files import (
    FileLock,
    create_part,
    rename_to_new,
    replace_file,
    sidecar_path,
    write_atomic,
)


@pytest.mark.parametrize(
    ("platform", "refusals", "succeeds"), [("win32", 3, True), ("win32", 9999, False), ("linux", 1, False)]
)
def test_replace_file_waits_for_a_locked_file_on_windows_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, refusals: int, succeeds: bool
) -> None:
    """On Windows it gives up after a while; on other systems it raises at once."""
    tries, os_replace = [], os.replace

    def refuse(new: Any, place: Any) -> None:
        tries.append(new)
        if len(tries) <= refusals:
            raise PermissionError(13, "in use")
        os_replace(new, place)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(realtime.system.files, "LOCKED_FILE_SECONDS", 0.5)
    new, place = tmp_path / "new", tmp_path / "place"
    new.write_text("new")
    place.write_text("old")
    if succeeds:
        replace_file(new, place)
    else:
        with pytest.raises(PermissionError):
            replace_file(new, place)
    assert place.read_text() == ("new" if succeeds else "old")
    assert (len(tries) > 1) == (platform == "win32")


def test_write_atomic_flushes_to_disk_before_it_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a power failure could leave the new name with half of the data."""
    place = tmp_path / "place"
    place.write_text("old")
    calls: list[str] = []

    def record(name: str) -> None:
        function = getattr(os, name)

        def call(*arguments: Any) -> None:
            calls.append(name)
            function(*arguments)

        monkeypatch.setattr(os, name, call)

    record("fsync")
    record("replace")
    write_atomic(place, b"new")
    assert calls == ["fsync", "replace"] and place.read_text() == "new"


def test_write_atomic_leaves_no_part_when_it_fails(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(OSError):
        write_atomic(place, b"new")
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, "n" * 251, "\udcff" * 255])
def test_sidecar_of_a_name_of_255_bytes_can_be_created(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    sidecar = sidecar_path(path, ".part.json")
    sidecar.touch()
    assert sidecar.name.endswith(".part.json") and len(os.fsencode(sidecar.name)) <= 255
    assert sidecar != sidecar_path(tmp_path / (name[:-1] + "x"), ".part.json")


def test_sidecar_of_a_short_name_is_the_name_and_the_suffix(tmp_path: Path) -> None:
    assert sidecar_path(tmp_path / "film.mp4", ".part") == tmp_path / "film.mp4.part"


def test_lock_is_held_once_and_its_file_is_deleted(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x.lock")
    with pytest.raises(BlockingIOError):
        FileLock(tmp_path / "x.lock")
    lock.release()
    lock.release()
    assert not lock.held and list(tmp_path.iterdir()) == []
    FileLock(tmp_path / "x.lock").release()


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from realtime.system.files import FileLock"
    code += "; lock = FileLock(Path('x.lock')); print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        with pytest.raises(BlockingIOError):
            FileLock(tmp_path / "x.lock")
        process.kill()
        process.wait()
    FileLock(tmp_path / "x.lock").release()


def test_lock_follows_no_link_and_deletes_no_file_with_content(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "link.lock").symlink_to("mine")
    with pytest.raises(OSError, match="link"):
        FileLock(tmp_path / "link.lock")
    FileLock(tmp_path / "mine").release()
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_rename_to_new_replaces_no_file(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "taken").write_bytes(b"taken")
    with pytest.raises(FileExistsError):
        rename_to_new(tmp_path / "old", tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == b"taken"
    rename_to_new(tmp_path / "old", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "taken"]


def test_part_takes_the_next_free_name_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "x.png.part").write_bytes(b"mine")
    (tmp_path / "x.png.2.part").symlink_to("elsewhere")
    assert create_part(tmp_path / "x.png").name == "x.png.3.part"
    assert (tmp_path / "x.png.part").read_bytes() == b"mine" and not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_write_atomic_keeps_the_mode_of_the_file_that_it_replaces(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.touch()
    place.chmod(0o640)
    write_atomic(place, b"new")
    assert place.stat().st_mode & 0o777 == 0o640
