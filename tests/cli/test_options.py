"""The parser of the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from realtime.cli.options import CONFIGURABLE, SHARED_LINES, Section, build_parser
from realtime.errors import UsageError
from realtime.stylizer.look_options import look_options
from tests.conftest import ROOT


def test_cli_page_is_what_its_script_writes(tmp_path: Path) -> None:
    page = tmp_path / "cli.md"
    subprocess.run([sys.executable, str(ROOT / "docs/cli_page.py"), str(page)], check=True, cwd=ROOT, timeout=100)
    assert page.read_text(encoding="utf-8") == (ROOT / "docs/cli.md").read_text(encoding="utf-8")


def test_every_option_is_in_one_section_and_described() -> None:
    parser = build_parser()
    listed = [action for section in Section for action in parser.actions(section)]
    assert sorted(action.dest for action in listed) == sorted(action.dest for action in parser._actions)
    assert all(action.help for action in listed)
    assert {action.dest for action in listed} >= SHARED_LINES


def test_options_of_a_look_are_the_same_on_the_command_line_and_in_presets() -> None:
    ours, theirs = build_parser().options(Section.LOOK), look_options()
    assert list(ours) == list(theirs) == ["style", "strength", "keep-colors", "stroke", "smooth"]
    for name, action in ours.items():
        assert (action.type, action.default, action.choices) == (
            theirs[name].type, theirs[name].default, theirs[name].choices,
        )  # fmt: skip


def test_options_of_several_sections_keep_their_order() -> None:
    names = list(build_parser().options(*CONFIGURABLE))
    assert names[0] == "camera" and names[-1] == "models" and "output" not in names and "inputs" not in names


def test_wrong_option_raises_a_usage_error_that_points_to_the_help() -> None:
    with pytest.raises(UsageError, match=r"invalid float value: 'much' \(--help shows the options\)"):
        build_parser().parse_args(["--strength", "much"])
