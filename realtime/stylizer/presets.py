"""The user's saved looks: a TOML file with a section for each look, whose keys are the options' names."""

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
    """The file of saved looks. Every call reads it anew, so that changes by other programs take effect at once."""

    path: Path

    def save(self, name: str, look: Look) -> None:
        """Save a look under a name, and leave the others as they are. Raises UsageError or OutputError."""
        TomlFile(self.path).write({name: look.options})

    def load(self, name: str, library: Library) -> Look:
        """Return the look of that name. Raises UsageError, or UnknownStyle if the library lacks its style."""
        file = TomlFile(self.path)
        if name not in file.table:
            raise UsageError(f"nothing is kept as {name}")
        values = file.values(look_options(), name)
        try:
            return parse_look(values.pop("style", None), library, **values)
        except UsageError as error:
            raise UsageError(file.locate(error, file.table[name], name)) from error
