"""Options beat the config file, and that beats the defaults."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from realtime.cli.options import CONFIGURABLE, Parser, Section, build_parser
from realtime.errors import StylizeError, UsageError
from realtime.system.console import tell
from realtime.system.paths import config_path
from realtime.system.toml_file import TomlFile


class Config:
    """The file of defaults, and what the command line asked for beside it.

    given: what was asked for, by `dest`. values: what the file says and nothing given stands against, by `dest`.
    Raises UsageError, with the file and the line, for what cannot be understood.
    """

    def __init__(self, parser: Parser, given: dict[str, Any]) -> None:
        self.given = given
        path: Path | None = given.get("config")
        if path is not None and not path.exists() and not given.get("save_config"):
            raise UsageError(f"--config {path}: there is no such file (--save-config makes one)")
        self.options = parser.options(*CONFIGURABLE)
        self.sources = parser.options(Section.INPUT)
        self.file = TomlFile(path or config_path())
        self.values = self.file.values(self.options)
        against = {*given}
        if against & {*self.sources, "inputs"}:
            against |= {*self.sources}
        if "output" in given:  # files are written: what is for live pictures does not concern them
            against |= {action.dest for action in parser.options(Section.INPUT, Section.LIVE).values()}
        self.values = {dest: value for dest, value in self.values.items() if dest not in against}

    def save(self, dialled: dict[str, Any]) -> None:
        """Keep what was asked for, and what was dialled since, by the options' names. Raises OutputError."""
        asked = {key: self.given[action.dest] for key, action in self.options.items() if action.dest in self.given}
        values = {key: _plain(value) for key, value in (asked | dialled).items()}
        if asked.keys() & self.sources.keys():  # one takes the other's place
            values = dict.fromkeys(self.sources) | values
        self.file.write(values)
        tell(f"saved {self.file.path}")

    def blame(self, error: StylizeError) -> str:
        """The error's line; where a value of the file is what is wrong, with its place."""
        valid = [key for key, action in self.options.items() if action.dest in self.values]
        return self.file.blame(error, valid)


def parse(argv: list[str]) -> tuple[argparse.Namespace, Config]:
    """Read the command line, and the config file for what it leaves open. Raises UsageError."""
    for word in argv:
        if not word or re.fullmatch("--[a-z-]+=", word):  # as a Path that would be the folder we are in
            raise UsageError(f"an empty name or value{f' for {word[:-1]}' if word else ''}; is a variable not set?")
    parser = build_parser()
    defaults = {action.dest: action.default for action in parser._actions if action.dest != "help"}
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    given = vars(parser.parse_args(argv))
    for action in parser._actions:
        action.default = defaults.get(action.dest)
    config = Config(parser, given)
    defaults["inputs"] = []
    return argparse.Namespace(**(defaults | config.values | given)), config


def _plain(value: Any) -> Any:
    return str(value.expanduser().resolve()) if isinstance(value, Path) else value
