"""Long runs by hand: `python -m tests.fuzz READER --seconds N [--seed S]`.

A failure is printed with its number; `--only NUMBER` writes that input to a file and reads it alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.fuzz.readers import READERS
from tests.fuzz.runner import make_input, run


def main() -> int:
    """Run one reader; return 1 if an input failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="write this input to a file, and read it alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {f"XDG_{kind}_HOME": folder for kind in ("CACHE", "CONFIG", "DATA")}
        if arguments.only is not None:
            with READERS[arguments.reader](Path(folder), []) as reader:
                path = Path(tempfile.gettempdir(), f"{arguments.reader}-{arguments.seed}-{arguments.only}.bin")
                path.write_bytes(make_input(reader, arguments.seed, arguments.only))
                print(path)
                reader.read(path.read_bytes())
            return 0
        outcome = run(READERS[arguments.reader], Path(folder), seed=arguments.seed, seconds=arguments.seconds)
    for number, failure in outcome.failures.items():
        print(f"--- input {number}\n{failure}")
    print(
        f"{arguments.reader}: {outcome.inputs} inputs, {outcome.refused} refused, {len(outcome.failures)} failed, "
        f"peak {outcome.peak_bytes >> 20} MiB"
    )
    for kind, count in outcome.kinds.most_common():
        print(f"{count} x {kind}")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
