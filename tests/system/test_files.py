from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import realtime.system.files
from realtime.system.files import replace_file, write_atomic


@pytest.mark.parametrize(
    ("platform", "held", "done"), [("win32", 3, True), ("win32", 9999, False), ("linux", 1, False)]
)
def test_a_file_that_somebody_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, held: int, done: bool
) -> None:
    """Waited for on Windows, but not for ever; elsewhere a refusal is meant."""
    tries, really = [], os.replace

    def refuse(new: Any, place: Any) -> None:
        tries.append(new)
        if len(tries) <= held:
            raise PermissionError(13, "in use")
        really(new, place)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(realtime.system.files, "LOCKED_FILE_SECONDS", 0.5)
    new, place = tmp_path / "new", tmp_path / "place"
    new.write_text("new")
    place.write_text("old")
    if done:
        replace_file(new, place)
    else:
        with pytest.raises(PermissionError):
            replace_file(new, place)
    assert place.read_text() == ("new" if done else "old")
    assert (len(tries) > 1) == (platform == "win32")


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power failure leaves the name, and half of the bytes."""
    place = tmp_path / "place"
    place.write_text("old")
    done: list[str] = []

    def note(name: str) -> None:
        really = getattr(os, name)

        def call(*arguments: Any) -> None:
            done.append(name)
            really(*arguments)

        monkeypatch.setattr(os, name, call)

    note("fsync")
    note("replace")
    write_atomic(place, b"new")
    assert done == ["fsync", "replace"] and place.read_text() == "new"


def test_what_was_there_stays_where_the_new_cannot_be_put(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(OSError):
        write_atomic(place, b"new")
    assert list(tmp_path.iterdir()) == [place]
