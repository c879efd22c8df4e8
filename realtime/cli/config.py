"""The config file. Options of the command line override it, and it overrides the defaults."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

from realtime.cli.options import CONFIGURABLE, Parser, Section, build_parser
from realtime.errors import StylizeError, UsageError
from realtime.system.console import write_stdout
from realtime.system.paths import config_path, expand_user
from realtime.system.toml_file import TomlFile


class Config:
    """The config file, together with the options that the command line gives.

    Args:
        parser: the parser of the command line, which knows the keys.
        given: the options on the command line, by `dest`.

    Attributes:
        file: the TOML file.
        values: those values of the file that the command line does not override, by `dest`.

    Raises:
        UsageError: the file cannot be understood; the message names the file and the line.
    """

    def __init__(self, parser: Parser, given: dict[str, Any]) -> None:
        self._given = given
        path: Path | None = given.get("config")
        if path is not None and not os.path.exists(path) and not given.get("save_config"):
            raise UsageError(f"--config {path}: there is no such file (--save-config makes one)")
        self._options = parser.options(*CONFIGURABLE)
        self._sources = parser.options(Section.INPUT)
        self.file = TomlFile(path or config_path())
        overridden = {*given}
        if overridden & {*self._sources, "inputs"}:
            overridden |= {*self._sources}
        if "output" in given:  # a run that writes files has no use for the options of a live run
            overridden |= {action.dest for action in parser.options(Section.INPUT, Section.LIVE).values()}
        values = self.file.values(self._options)
        self.values = {dest: value for dest, value in values.items() if dest not in overridden}

    def save(self, changed: dict[str, Any]) -> None:
        """Write the options of the command line to the file, and what the user changed since. Raises OutputError.

        Args:
            changed: values by the options' names.
        """
        given = {key: self._given[action.dest] for key, action in self._options.items() if action.dest in self._given}
        values = {key: _to_toml(value) for key, value in (given | changed).items()}
        if given.keys() & self._sources.keys():  # a source replaces the file's
            values = dict.fromkeys(self._sources) | values
        self.file.write(values)
        write_stdout(f"saved {self.file.path}")

    def locate(self, error: StylizeError) -> str:
        """Return the error's message, with the file and the line if a value of the file caused it."""
        keys = [key for key, action in self._options.items() if action.dest in self.values]
        return self.file.locate(error, keys)


def parse(argv: list[str]) -> tuple[argparse.Namespace, Config]:
    """Parse the command line, and take what it leaves open from the config file. Raises UsageError."""
    for word in argv:
        if not word or re.fullmatch("--[a-z-]+=", word):  # as a Path it would be the current folder
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


def _to_toml(value: Any) -> Any:
    return os.path.realpath(expand_user(value)) if isinstance(value, Path) else value
