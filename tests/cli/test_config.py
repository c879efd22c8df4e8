"""The config file: what overrides what, its errors, and how it is saved."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from realtime.cli.config import parse
from realtime.cli.options import CONFIGURABLE, build_parser
from realtime.errors import OutputError, StylizeError, UsageError
from realtime.system.paths import config_path
from realtime.system.toml_file import TomlFile


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the user's config file."""
    monkeypatch.setattr("realtime.cli.config.config_path", lambda: tmp_path / "config.toml")
    return tmp_path / "config.toml"


def test_options_override_the_file_and_the_file_overrides_defaults(file: Path) -> None:
    file.write_text('strength = 0.5\nsmooth = 1\nkeep-colors = true\nmirror = false\ncamera = 2\nmodels = "mine"\n')
    arguments, _ = parse(["--smooth", "0.2"])
    assert (arguments.strength, arguments.smooth, arguments.stroke) == (0.5, 0.2, 1.0)
    assert arguments.keep_colors is True and arguments.mirror is False
    assert arguments.camera == "2"
    assert arguments.models == file.parent / "mine", "paths begin at the file's folder"
    assert parse(["--no-keep-colors"])[0].keep_colors is False


def test_parse_without_a_file_equals_the_parser(file: Path) -> None:
    assert vars(parse([])[0]) == vars(build_parser().parse_args([]))
    assert vars(parse(["a.jpg", "-o", "b.jpg"])[0]) == vars(build_parser().parse_args(["a.jpg", "-o", "b.jpg"]))


def test_source_on_the_command_line_replaces_the_one_in_the_file(file: Path) -> None:
    file.write_text("demo = true\n")
    assert parse([])[0].demo is True
    assert parse(["--camera", "1"])[0].demo is False
    file.write_text("camera = 1\n")
    assert parse(["--demo"])[0].camera is None
    assert parse(["film.mp4"])[0].camera is None


def test_live_options_of_the_file_are_ignored_when_files_are_written(file: Path) -> None:
    file.write_text('camera = 1\nsize = 240\nfps = 20\nview = "grid"\nmicrophone = true\nstrength = 0.5\n')
    arguments, _ = parse(["photo.jpg", "-o", "painted.jpg"])
    assert (arguments.size, arguments.fps, arguments.view, arguments.microphone) == ("auto", None, None, None)
    assert arguments.strength == 0.5


def test_every_configurable_option_is_a_key_of_the_file(file: Path) -> None:
    values = {"inputs": None}
    for key, action in build_parser().options(*CONFIGURABLE).items():
        choices = list(action.choices or [])
        value = "true" if action.nargs == 0 else "2" if action.type in (int, float) else f'"{(choices or ["x"])[0]}"'
        file.write_text(f"{key} = {value}\n")
        assert getattr(parse([])[0], action.dest) != values.get(action.dest, object()), key


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("\n# one\nstrenght = 1\n", 3, "no such option here; do you mean strength?"),
        ("keep_colors = true\n", 1, "do you mean keep-colors?"),
        ("frames = 3\n", 1, "no such option here; "),
        ("config = 'x'\n", 1, "no such option here; "),
        ("strength = 1\nsmooth = 'much'\n", 2, "smooth: expected a number, got 'much'"),
        ("strength = true\n", 1, "strength: expected a number, got true"),
        ("mirror = 1\n", 1, "mirror: expected true or false, got 1"),
        ("style = ['a',\n 'b',\n]\n", 3, "style: expected text in quotes"),
        ("style = '''\nsmooth = 3'''\nsmooth = 'x'", 3, "smooth: expected a number"),
        ("models = 3\n", 1, "models: expected a path in quotes"),
        ("\nprovider = 'gpu'\n", 2, "'gpu' is none of auto, cpu"),
        ("[settings]\nstrength = 1\n", 1, "settings: no such option here"),
        ("strength = 1\nsmooth 2\n", 2, "Expected '='"),
        ("strength = 1\nsmooth = ", 2, "Invalid value"),
        ("strength = 1\nstrength = 2\n", 2, "Cannot overwrite a value"),
    ],
)
def test_wrong_file_raises_one_line_that_names_file_and_line(file: Path, text: str, line: int, message: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        parse([])
    assert str(caught.value).startswith(f"{file}, line {line}: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_or_missing_file_raises_and_a_byte_order_mark_is_accepted(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"style = '\xff'")
    with pytest.raises(UsageError, match="is not UTF-8"):
        parse([])
    with pytest.raises(UsageError, match="there is no such file"):
        parse(["--config", str(tmp_path / "none.toml")])
    with pytest.raises(UsageError, match="directory"):
        parse(["--config", str(tmp_path)])
    file.write_bytes("﻿strength = 0.5\r\n".encode())
    assert parse([])[0].strength == 0.5, "as Windows' Notepad writes it"


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such device")
def test_endless_file_raises_too_large() -> None:
    with pytest.raises(UsageError, match="/dev/zero: too large"):
        parse(["--config", "/dev/zero"])


def test_locate_adds_the_place_only_if_the_value_came_from_the_file(file: Path) -> None:
    file.write_text("# mine\nfps = 0\nstyle = 'x'\n")
    _, config = parse([])
    assert config.locate(UsageError("--fps 0: more than 0")) == f"{file}, line 2: fps 0: more than 0"
    _, config = parse(["--fps", "0"])
    assert config.locate(UsageError("--fps 0: more than 0")) == "--fps 0: more than 0"
    assert config.locate(StylizeError("no camera")) == "no camera"


def test_save_writes_given_and_changed_options_and_keeps_the_rest(file: Path) -> None:
    file.write_text("# my camera\ncamera = 0  # the good one\nstrength = 0.3\nsmooth = 0.1\n")
    _, config = parse(
        ["--style", 'a:2,b "c"\\', "--strength", "0.5", "--models", "m", "--save-config", "--frames", "3"]
    )
    config.save({"strength": 0.7, "keep-colors": True})
    text = file.read_text()
    assert "# my camera\ncamera = 0  # the good one\n" in text
    assert tomllib.loads(text) == {
        "camera": 0, "strength": 0.7, "smooth": 0.1, "style": 'a:2,b "c"\\', "models": str(Path("m").resolve()),
        "keep-colors": True,
    }  # fmt: skip
    assert parse([])[0].style == 'a:2,b "c"\\'
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_save_of_another_source_removes_the_one_in_the_file(file: Path) -> None:
    file.write_text("camera = 0\n")
    parse(["--demo", "--save-config"])[1].save({})
    assert tomllib.loads(file.read_text()) == {"demo": True}


def test_save_makes_the_folder_and_follows_links(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/c.toml"
    parse(["--config", str(path), "--save-config", "--strength", "0.5"])[1].save({})
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    TomlFile(link).write({"smooth": 0.25})
    assert link.is_symlink() and tomllib.loads(path.read_text()) == {"strength": 0.5, "smooth": 0.25}


def test_save_to_an_impossible_place_raises_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"config\.toml: "):
        TomlFile(tmp_path / "file" / "config.toml").write({"smooth": 1})


def test_config_path_is_in_the_users_config_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path().name == "config.toml" and config_path().parent.name == "realtime-stylize"


HOSTILE = {
    "deep arrays": "fps = " + "[" * 5000,
    "deep tables": "fps = " + "{a=" * 5000,
    "dotted key": ".".join("a" * 20_000) + " = 1",
    "dotted key in a table": "x = {" + ".".join("a" * 20_000) + " = 1}",
    "number of 5,000 digits": "fps = " + "9" * 5000,
    "hexadecimal number": "fps = 0x" + "f" * 5000,
    "home of another": 'models = "~nobody-here/x"',
    "unknown key after many lines": "\n".join(f"# {n}" for n in range(20_000)) + "\nnope = 1",
    "long key": "k" * 100_000 + " = 1",
    "long value": 'provider = "' + "v" * 100_000 + '"',
    "control characters": 'provider = "\\u001b[2J"',
    "nothing but quotes": '"' * 1001,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_config_is_one_short_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(HOSTILE[name])
    with pytest.raises(UsageError) as caught:
        parse(["--config", str(path), "--demo"])
    message = str(caught.value)
    assert message.startswith(str(path)) and message.isprintable() and len(message) < 1000 + len(str(path))
