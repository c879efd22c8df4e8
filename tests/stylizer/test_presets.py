"""Looks saved under F1 to F4."""

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
def editor(library: Library, file: Path) -> LookEditor:
    return LookEditor(parse_look(None, library), library, clock=lambda: 100.0, presets=Presets(file))


def test_saved_look_is_recalled_as_it_was(editor: LookEditor, library: Library) -> None:
    first, second = (library.styles[number][1].name for number in (1, 2))
    look = parse_look(f"{first}:2,{second}:1", library, strength=0.7, keep_colors=1, stroke=1.25, smooth=0.3)
    editor.fade_to(look)
    assert editor.save_preset(1).startswith("kept as F2: ")
    editor.fade_to(parse_look(first, library))
    editor.save_preset(0)
    editor.choose_style(4)
    editor.recall_preset(1)
    back = editor.target
    assert back.options == look.options
    assert back.weights == pytest.approx(look.weights, abs=0.001)
    editor.recall_preset(0)
    assert editor.target == parse_look(first, library)


def test_recall_without_a_saved_look_says_so_and_changes_nothing(editor: LookEditor) -> None:
    before = editor.target
    assert editor.recall_preset(2) == "nothing is kept as F3"
    assert editor.target is before


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
def test_recall_from_wrong_file_is_one_line_and_no_change(editor: LookEditor, file: Path, text: str, line: str) -> None:
    file.write_text(text)
    before = editor.target
    message = editor.recall_preset(0)
    assert message.startswith(line.format(file=file.name)) and "\n" not in message
    assert editor.target is before
    assert file.read_text() == text


def test_save_does_not_overwrite_a_broken_file(editor: LookEditor, file: Path) -> None:
    file.write_text("[F1\n")
    assert editor.save_preset(0).startswith("presets.toml, line 1: ")
    assert file.read_text() == "[F1\n"


def test_save_to_an_impossible_place_is_one_line(library: Library, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    presets = Presets(tmp_path / "file/presets.toml")
    editor = LookEditor(parse_look(None, library), library, presets=presets)
    assert "presets.toml: " in editor.save_preset(0)


def test_save_keeps_the_looks_and_comments_written_by_hand(editor: LookEditor, file: Path) -> None:
    file.write_text("# for the party\n[F4]\nstrength = 0.5  # half\n")
    editor.save_preset(0)
    assert file.read_text().startswith("# for the party\n[F4]\nstrength = 0.5  # half\n")
    editor.recall_preset(3)
    assert editor.target.strength == 0.5
