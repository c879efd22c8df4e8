"""What the runner notices."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from realtime.errors import UsageError
from tests.fuzz.reader import Reader
from tests.fuzz.runner import MEMORY_BYTES, run
from training.errors import TrainingError

DEADLINE_SECONDS = 5.0
FAULTS = ("none", "refused", "raises", "thread", "lines", "memory", "exits", "hangs")


class FaultyReader(Reader):
    """A reader that does something else with each input; the count is in a file, since some end the process."""

    def prepare(self) -> None:
        self.samples = [b"0123456789" * 10]

    def read(self, data: bytes) -> None:
        if data in self.samples:
            return
        count = self.folder / "count"
        number = int(count.read_text()) if count.exists() else 0
        count.write_text(str(number + 1))
        match FAULTS[number]:
            case "refused":
                raise UsageError("not this one")
            case "raises":
                raise KeyError("odd")
            case "thread":
                thread = threading.Thread(target=[].pop)
                thread.start()
                thread.join()
            case "lines":
                raise TrainingError("one\ntwo")
            case "memory":
                bytearray(2 * MEMORY_BYTES)
            case "exits":
                os._exit(3)
            case "hangs":
                time.sleep(1000)


def test_crash_hang_exception_and_lack_of_memory_are_noticed(tmp_path: Path) -> None:
    outcome = run(FaultyReader, tmp_path, inputs=len(FAULTS), deadline=DEADLINE_SECONDS)
    assert (outcome.inputs, outcome.refused) == (len(FAULTS), 1)
    last_lines = {FAULTS[number]: failure.splitlines()[-1] for number, failure in outcome.failures.items()}
    assert last_lines == {
        "raises": "KeyError: 'odd'",
        "thread": "IndexError: pop from empty list",
        "lines": "its message is more than one line: TrainingError('one\\ntwo')",
        "memory": "MemoryError",
        "exits": "the process ended with status 3",
        "hangs": "hangs for more than 5 s",
    }
