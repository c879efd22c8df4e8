"""The file of measurements: one JSON line each, so that an interrupted run can be resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Results:
    """The measurements of all runs, kept in a file.

    A key names everything that a measurement depends on: the quantity, the network (its file's digest), the painting
    and the photo or video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, Entry] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self._entries[_key(entry["key"])] = entry

    def once(self, key: dict[str, str], measure: Callable[[], Entry]) -> Entry:
        """Return the measurement of that key: from the file, or else measured now and written at once."""
        entry = self._entries.get(_key(key))
        if entry is None:
            entry = {"key": key, **measure()}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
            self._entries[_key(key)] = entry
        return entry

    def of(self, **wanted: str) -> Iterator[Entry]:
        """Yield the measurements whose keys have all these values."""
        for entry in self._entries.values():
            if wanted.items() <= entry["key"].items():
                yield entry


def _key(key: dict[str, str]) -> str:
    return json.dumps(key, sort_keys=True)
