"""What was measured so far: one JSON line a measurement, so that a run can stop and go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Results:
    """Measurements by key, kept in a file.

    A key names everything that a measurement depends on: what was measured, of which method (a file's digest
    for a network of ours), painting and picture.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: dict[str, Entry] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self._found[_key(entry["key"])] = entry

    def once(self, key: dict[str, str], measure: Callable[[], Entry]) -> Entry:
        """The measurement of that key: from the file, or made now and written there at once."""
        known = self._found.get(_key(key))
        if known is None:
            known = {"key": key, **measure()}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(known) + "\n")
            self._found[_key(key)] = known
        return known

    def of(self, **wanted: str) -> Iterator[Entry]:
        """The measurements whose keys hold all of these."""
        for entry in self._found.values():
            if wanted.items() <= entry["key"].items():
                yield entry


def _key(key: dict[str, str]) -> str:
    return json.dumps(key, sort_keys=True)
