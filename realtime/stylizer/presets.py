"""Looks that the user has kept, in a TOML file: a section for each, with the options' names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from realtime.errors import UsageError
from realtime.stylizer.library import Library
from realtime.stylizer.look import Look, parse_look
from realtime.stylizer.look_options import look_options
from realtime.system.toml_file import TomlFile


@dataclass(frozen=True)
class Presets:
    """The file of kept looks. It is read anew each time: what another program or the user writes counts at once."""

    path: Path

    def keep(self, name: str, look: Look) -> None:
        """Write it down under that name; the others stay. Raises UsageError or OutputError."""
        TomlFile(self.path).write({name: look.options})

    def recall(self, name: str, library: Library) -> Look:
        """The look of that name. Raises UsageError or UnknownStyle, where a style of it is gone."""
        file = TomlFile(self.path)
        if name not in file.table:
            raise UsageError(f"nothing is kept as {name}")
        values = file.values(look_options(), name)
        try:
            return parse_look(values.pop("style", None), library, **values)
        except UsageError as error:
            raise UsageError(file.blame(error, file.table[name], name)) from error
