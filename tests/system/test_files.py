"""Atomic replacement of files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import realtime.system.files
from realtime.system.files import replace_file, write_atomic


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
