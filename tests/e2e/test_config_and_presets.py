"""The config file and saved looks, through the command and in the real window; and shell completion."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime.stylizer.library import Library
from tests.conftest import ROOT, Run
from tests.e2e.screen import SIZE, App, without_message
from tests.e2e.waiting import TIMEOUT
from tests.fault_camera import FaultCamera


def test_help_fits_a_screen(run: Run) -> None:
    text = run("realtime", "--help", COLUMNS="100").stdout
    lines = text.splitlines()
    assert len(lines) <= 50 and max(map(len, lines)) <= 100
    for option in ("--camera", "--style", "--[no-]mirror", "--crf", "--list-cameras", "--version", "-h"):
        assert option in text


def test_config_file_is_written_and_read(run: Run, tmp_path: Path) -> None:
    saving = ["--demo", "--size", "128", "--provider", "cpu", "--style", "udnie", "--config", "c.toml", "--save-config"]
    done = run("realtime", *saving, "--no-window", "--frames", "2")
    assert (done.returncode, done.stderr) == (0, "") and "saved c.toml" in done.stdout
    kept = {"demo": True, "size": "128", "provider": "cpu", "style": "udnie"}
    assert tomllib.loads((tmp_path / "c.toml").read_text()) == kept
    done = run("realtime", "--config", "c.toml", "--no-window", "--frames", "2", "--stats", "s.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "s.json").read_text())["working_size"][1] == 128
    assert "Udnie" in (tmp_path / "s.json").read_text()


@pytest.mark.parametrize(
    ("text", "status", "line"),
    [
        ("demo = true\nstrenght = 1\n", 2, "line 2: strenght: no such option here; do you mean strength?"),
        ("demo = true\n\nstrength = 3\n", 2, "line 3: strength 3: from 0 to 1"),
        ("demo = true\nstyle = 'x'\n", 1, "line 2: no style is called 'x'"),
    ],
)
def test_wrong_config_file_is_one_line_with_place(run: Run, tmp_path: Path, text: str, status: int, line: str) -> None:
    folder = tmp_path / "config/realtime-stylize"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)
    done = run("realtime", "--no-window", "--frames", "1", XDG_CONFIG_HOME=str(tmp_path / "config"))
    assert done.returncode == status and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"realtime-stylize: {folder / 'config.toml'}, {line}")


def test_wrong_option_is_one_line(run: Run) -> None:
    done = run("realtime", "--strenght", "1")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--strenght" in done.stderr


def test_looks_are_saved_and_recalled_by_their_keys(start: Any, library: Library) -> None:
    first, second = (library.styles[number][1] for number in (1, 2))
    arguments = [
        "--demo",
        "--size",
        "128",
        "--provider",
        "cpu",
        "--config",
        "c.toml",
        "--save-config",
        "--style",
        first.name,
    ]
    app: App = start(*arguments)
    app.wait_for_window()
    presets = app.folder / "presets.toml"
    app.screen.press("F1")
    assert not presets.exists(), "nothing is saved without shift"
    app.screen.press("minus")
    _with_shift(app, "F1", presets)
    assert tomllib.loads(presets.read_text())["F1"] == {
        "style": first.name, "strength": 0.9, "keep-colors": False, "stroke": 1.0, "smooth": 0.0,
    }  # fmt: skip
    app.screen.press("3")
    app.screen.press("c")
    before = presets.read_text()
    _with_shift(app, "F2", presets, before)
    app.screen.press("F1")
    app.quit()
    assert app.stats()["style"] == first.label and app.stats()["look"]["strength"] == 0.9
    assert tomllib.loads(presets.read_text())["F2"]["style"] == second.name
    assert tomllib.loads((app.folder / "c.toml").read_text()) == {
        "demo": True, "size": "128", "provider": "cpu", "style": first.name, "strength": 0.9,
    }  # fmt: skip
    again: App = start("--config", "c.toml")
    again.wait_for_window()
    again.screen.press("F2")
    again.quit()
    assert again.stats()["style"] == second.label and again.stats()["look"]["keep_colors"] == 1


def test_window_begins_as_the_options_say(start: Any, library: Library, camera: FaultCamera, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("")
    (tmp_path / "presets.toml").write_text('[F3]\nstyle = "udnie"\nstrength = 0.7\n')
    options = ("--camera", camera.url, "--config", "c.toml", "--size", "240")
    app: App = start(*options, "--look", "F3", "--full-screen", "--no-figures", "--view", "split", "--mirror")
    app.wait_for_window()
    app.screen.press("space")
    bare = app.screen.wait_until_still(2.0)
    assert bare.any(axis=(0, 2)).all(), "it fills the screen"
    # The camera's blue rises from left to right; mirrored, in the half of the original, it falls.
    row = bare[SIZE[1] // 3, : SIZE[0] // 2 - 40, 0].astype(int)
    assert row[:100].mean() > row[-100:].mean() + 40
    app.screen.send_key("i")
    figures = without_message(app.screen.wait_for_change(bare))
    changed = np.argwhere((figures != without_message(bare)).any(axis=2))
    assert len(changed) > 500 and changed[:, 0].max() < 250, "the figures were hidden"
    app.quit()
    assert app.stats()["style"] == library.find("udnie")[1].label and app.stats()["look"]["strength"] == 0.7


def test_look_that_is_not_saved_is_one_line(run: Run) -> None:
    done = run("realtime", "--demo", "--no-window", "--frames", "1", "--look", "F4")
    assert (done.returncode, done.stderr) == (2, "realtime-stylize: nothing is kept as F4\n")


def _with_shift(app: App, key: str, file: Path, before: str = "") -> None:
    """Press shift and a key as people do: shift is held until the file has changed."""
    app.screen.xdotool("keydown", "shift", "key", key)
    deadline = time.monotonic() + TIMEOUT
    while not file.exists() or file.read_text() == before:
        assert time.monotonic() < deadline, f"shift and {key} save nothing"
        time.sleep(0.1)
    app.screen.xdotool("keyup", "shift")


SHELLS = {
    "bash": """
        source <(realtime-stylize --completion bash)
        COMP_LINE="realtime-stylize {line}"; COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9; COMP_KEY=9
        read -ra COMP_WORDS <<< "$COMP_LINE"; COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _python_argcomplete realtime-stylize
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """,
    "fish": """
        realtime-stylize --completion fish | source
        complete -C "realtime-stylize {line}"
    """,
    "zsh": """
        compdef() {{ : }}
        eval "$(realtime-stylize --completion zsh)"
        _describe() {{ print -rl -- "${{(@P)2}}" }}
        words=(realtime-stylize {line}); CURRENT=${{#words}}; service=realtime-stylize
        BUFFER="realtime-stylize {line}"; CURSOR=${{#BUFFER}}
        _python_argcomplete realtime-stylize
    """,
}


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shutil.which(shell)])
def test_shells_complete_options_and_styles(shell: str, tmp_path: Path, library: Library) -> None:
    names = [style.name for _, style in library.styles]
    assert any(line.startswith("--strength") for line in _completed(shell, "--str", tmp_path))
    assert "openvino" in _completed(shell, "--provider op", tmp_path)
    assert names[0] in _completed(shell, f"--style {names[0][:3]}", tmp_path)
    mixed = _completed(shell, f"--style {names[0]},{names[1][:3]}", tmp_path)
    assert f"{names[0]},{names[1]}" in mixed


def _completed(shell: str, line: str, folder: Path) -> list[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {
        "PATH": path,
        "XDG_DATA_HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
    }
    done = subprocess.run(
        [shell, "-c", SHELLS[shell].format(line=line)],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return [re.split("[\t:]", line)[0].strip() for line in done.stdout.splitlines()]
