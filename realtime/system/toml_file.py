"""TOML files of options, read and written. Every error is one line that names the file and the line in it."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from realtime.errors import OutputError, StylizeError, UnknownStyle, UsageError, printable
from realtime.system.files import FileLock, read_limited, real_path, sidecar_path, write_atomic
from realtime.system.paths import expand_user

MAX_BYTES = 1 << 20
MAX_DOTS = 500  # in a line: a key of thousands of parts takes gigabytes
MAX_ATTEMPTS = 200  # at finding the line of a key
MAX_SHOWN = 80  # characters of a value in a message
LOCK_SECONDS = 5.0  # how long to wait for another run that writes the file


class TomlFile:
    """A TOML file. One that does not exist is like an empty one.

    Args:
        path: the file, which is read at once.

    Attributes:
        table: its content.

    Raises:
        UsageError: the file cannot be read, or is not TOML.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._text = read_limited(path, MAX_BYTES).decode("utf-8-sig") if os.path.exists(path) else ""
            if any(line.count(".") > MAX_DOTS for line in self._text.splitlines()):
                raise ValueError("its keys are nested too deeply")
            self.table = tomllib.loads(self._text)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is not UTF-8 text") from error
        except tomllib.TOMLDecodeError as error:
            match = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error))
            reason, line = (match[1], match[2]) if match else (str(error), None)
            raise UsageError(f"{path}, line {line or len(self._text.splitlines())}: {reason}") from error
        except RecursionError:
            raise UsageError(f"{path}: its values are nested too deeply") from None
        except ValueError as error:  # a number of thousands of digits
            raise UsageError(f"{path}: {shorten_text(str(error))}") from error

    def where(self, *keys: str) -> str:
        """Return the file and the line where the value of a key ends, for messages."""
        lines = self._text.splitlines()
        first = next((number for number, line in enumerate(lines, 1) if keys[-1] in line), 1)
        for number in range(first, min(len(lines), first + MAX_ATTEMPTS) + 1):
            try:
                table: Any = tomllib.loads("\n".join(lines[:number]))
            except ValueError:  # within a value of several lines
                continue
            for key in keys:
                table = table.get(key) if isinstance(table, dict) else None
            if table is not None:
                return f"{self.path}, line {number}"
        return str(self.path)

    def values(self, options: Mapping[str, argparse.Action], *section: str) -> dict[str, Any]:
        """Return the values of a section as the command line would parse them, by their `dest`.

        Paths are relative to the file's folder, or begin with ~. Raises UsageError for an unknown key or a wrong type.
        """
        table = self.table
        for name in section:
            table = table[name]
        if not isinstance(table, dict):
            raise UsageError(f"{self.where(*section)}: {section[-1]} must be a section, [{section[-1]}]")
        values = {}
        for key, value in table.items():
            try:
                if key not in options:
                    raise ValueError(_unknown(key, list(options)))
                values[options[key].dest] = _convert(options[key], value, self.path.parent)
            except (ValueError, OverflowError) as error:
                raise UsageError(f"{self.where(*section, key)}: {shorten_text(key)}: {error}") from error
        return values

    def locate(self, error: StylizeError, keys: Iterable[str], *section: str) -> str:
        """Return the error's message, with the file and the line if the value of one of those keys caused it."""
        option = re.match(r"--([a-z-]+) ", str(error)) if isinstance(error, UsageError) else None
        key = "style" if isinstance(error, UnknownStyle) else option[1] if option else ""
        if key not in keys:
            return str(error)
        return f"{self.where(*section, key)}: {str(error).removeprefix('--')}"

    def write(self, changes: Mapping[str, Any]) -> None:
        """Set keys, or remove those whose value is None. Everything else stays as it is, comments too.

        The file is replaced atomically. Raises OutputError if it cannot be written.
        """
        import tomlkit

        path = real_path(self.path)  # the target of a link is replaced, not the link
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(sidecar_path(path, ".lock"), timeout=LOCK_SECONDS)
            try:
                document = tomlkit.parse(TomlFile(path)._text)  # another program may have changed it since it was read
                for key, value in changes.items():
                    if value is None:
                        document.pop(key, None)
                    else:
                        document[key] = value
                write_atomic(path, tomlkit.dumps(document).encode())
            finally:
                lock.release()
        except OSError as error:
            raise OutputError(f"{self.path}: {error.strerror or error}") from error
        except (tomlkit.exceptions.TOMLKitError, RecursionError) as error:  # it is stricter than Python's parser
            raise OutputError(f"{self.path} cannot be changed: {error}") from error


def shorten_text(text: str) -> str:
    """Return the beginning of a text, without control characters, for a message of one line."""
    text = printable(text)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key.replace("_", "-"), known, 1)
    return f"no such option here; {f'do you mean {close[0]}?' if close else 'there are: ' + ', '.join(known)}"


def _convert(action: argparse.Action, value: Any, folder: Path) -> Any:
    """Return a TOML value as the command line would parse it. Raises ValueError."""
    if isinstance(value, bool) and action.nargs == "?":  # its value is optional on the command line
        return action.const if value else action.default
    if action.nargs == 0:
        return _expect(value, bool, "true or false")
    if action.type is float:
        return float(_expect(value, (int, float), "a number"))
    if action.type is int:
        return _expect(value, int, "a whole number")
    if action.type is Path:
        return folder / expand_user(Path(_expect(value, str, "a path in quotes")))
    text = str(_expect(value, (str, int), "text in quotes"))
    if action.choices is not None and text not in action.choices:
        raise ValueError(f"{shorten_text(text)!r} is none of {', '.join(action.choices)}")
    return text


def _expect(value: Any, kinds: type | tuple[type, ...], name: str) -> Any:
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        shown = str(value).lower() if isinstance(value, bool) else shorten_text(repr(value))
        raise ValueError(f"expected {name}, got {shown}")
    return value
