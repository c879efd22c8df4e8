from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import platforms.replacing
from platforms.replacing import replace


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
    monkeypatch.setattr(platforms.replacing, "PATIENCE", 0.5)
    new, place = tmp_path / "new", tmp_path / "place"
    new.write_text("new")
    place.write_text("old")
    if done:
        replace(new, place)
    else:
        with pytest.raises(PermissionError):
            replace(new, place)
    assert place.read_text() == ("new" if done else "old")
    assert (len(tries) > 1) == (platform == "win32")
