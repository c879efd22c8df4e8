"""Looks kept under F1 to F4."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.live.look_editor import LookEditor
from realtime.stylizer.library import Library
from realtime.stylizer.look import parse_look
from realtime.stylizer.presets import Presets


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "presets.toml"


@pytest.fixture
def dials(library: Library, file: Path) -> LookEditor:
    return LookEditor(parse_look(None, library), library, clock=lambda: 100.0, presets=Presets(file))


def test_a_look_there_and_back(dials: LookEditor, library: Library) -> None:
    first, second = (library.styles[number][1].name for number in (1, 2))
    look = parse_look(f"{first}:2,{second}:1", library, strength=0.7, keep_colors=1, stroke=1.25, smooth=0.3)
    dials.go(look)
    assert dials.keep(1).startswith("kept as F2: ")
    dials.go(parse_look(first, library))
    dials.keep(0)
    dials.choose(4)
    dials.recall(1)
    back = dials.target
    assert back.options == look.options
    assert back.weights == pytest.approx(look.weights, abs=0.001)
    dials.recall(0)
    assert dials.target == parse_look(first, library)


def test_nothing_kept_there(dials: LookEditor) -> None:
    before = dials.target
    assert dials.recall(2) == "nothing is kept as F3"
    assert dials.target is before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[F1]\nstyle = 'gone'\n", "F1: no style is called 'gone'"),
        ("[F1]\nstyle = 3.5\n", "{file}, line 2: style: expected text in quotes, got 3.5"),
        ("[F1]\nstrength = 0.5\nfps = 30\n", "{file}, line 3: fps: no such option here; there are: style, strength"),
        ("[F1]\nstrength = 7\n", "{file}, line 2: strength 7: from 0 to 1"),
        ("F1 = 3\n", "{file}, line 1: F1 must be a section, [F1]"),
        ("[F1\n", "{file}, line 1: Expected"),
    ],
)
def test_what_is_wrong_is_one_line_and_changes_nothing(dials: LookEditor, file: Path, text: str, line: str) -> None:
    file.write_text(text)
    before = dials.target
    said = dials.recall(0)
    assert said.startswith(line.format(file=file.name)) and "\n" not in said
    assert dials.target is before
    assert file.read_text() == text


def test_a_file_that_is_broken_is_not_overwritten(dials: LookEditor, file: Path) -> None:
    file.write_text("[F1\n")
    assert dials.keep(0).startswith("presets.toml, line 1: ")
    assert file.read_text() == "[F1\n"


def test_a_place_that_cannot_be_written(library: Library, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    presets = Presets(tmp_path / "file/presets.toml")
    dials = LookEditor(parse_look(None, library), library, presets=presets)
    assert "presets.toml: " in dials.keep(0)


def test_those_written_by_hand_stay(dials: LookEditor, file: Path) -> None:
    file.write_text("# for the party\n[F4]\nstrength = 0.5  # half\n")
    dials.keep(0)
    assert file.read_text().startswith("# for the party\n[F4]\nstrength = 0.5  # half\n")
    dials.recall(3)
    assert dials.target.strength == 0.5
