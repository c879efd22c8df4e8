"""Runs a reader on mutated inputs in a child process, which a crash, a hang or a lack of memory may end."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.mutator import mutate
from tests.fuzz.reader import ERRORS, Reader

START_SECONDS = 300.0  # of imports and valid samples
DEADLINE_SECONDS = 60.0  # of one input; a busy machine does not reach it
MEMORY_BYTES = 4 << 30  # beyond what the valid samples take


@dataclass
class Outcome:
    """What came of a run.

    inputs, refused: how many were read, and how many of these gave one of the program's own errors. peak_bytes: the
    largest resident memory. failures: what must not happen, by the number of the input.
    """

    inputs: int = 0
    refused: int = 0
    peak_bytes: int = 0
    failures: dict[int, str] = field(default_factory=dict)

    @property
    def kinds(self) -> Counter[str]:
        """How often each failure happened, by its last line and the place where it arose."""
        return Counter(_shorten(failure) for failure in self.failures.values())


def make_input(reader: Reader, seed: int, number: int) -> bytes:
    """Return the input of that number; the same for the same seed."""
    rng = random.Random(f"{seed}/{number}")
    data = mutate(rng, reader.samples)
    return reader.repair(data) if rng.random() < 0.5 else data


def run(
    reader: type[Reader],
    folder: Path,
    *,
    seed: int = 0,
    inputs: int | None = None,
    seconds: float | None = None,
    deadline: float = DEADLINE_SECONDS,
) -> Outcome:
    """Read so many inputs, or inputs for so long."""
    outcome, number, remaining = Outcome(), 0, float("inf") if seconds is None else seconds
    last = sys.maxsize if inputs is None else inputs
    while number < last and remaining > 0:
        number, used = _run_child(reader, folder, outcome, seed, (number, last), remaining, deadline)
        remaining -= used
    outcome.inputs = number
    return outcome


def _run_child(
    reader: type[Reader],
    folder: Path,
    outcome: Outcome,
    seed: int,
    span: tuple[int, int],
    seconds: float,
    deadline: float,
) -> tuple[int, float]:
    """Start a child and follow it; return the number after its last input, and the seconds after its start-up."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_read_all, args=(reader, folder, seed, *span, sender), daemon=True)
    child.start()
    sender.close()
    number, failure, begin = span[0], "", float("inf")
    try:
        while receiver.poll(START_SECONDS if begin == float("inf") else deadline):
            message = receiver.recv()
            begin = min(begin, time.monotonic())
            if message is None:
                return span[1], time.monotonic() - begin
            number, outcome.peak_bytes = message["number"], max(outcome.peak_bytes, message["peak"])
            if message["state"] == "failed":
                outcome.failures[number] = message["failure"]
            outcome.refused += message["state"] == "refused"
            if message["state"] != "begun" and time.monotonic() - begin > seconds:
                return number + 1, time.monotonic() - begin
        failure = f"hangs for more than {deadline:g} s"
    except EOFError:
        child.join(DEADLINE_SECONDS)
        failure = f"the process ended with status {child.exitcode}"
    finally:
        child.kill()
        child.join()
        receiver.close()
    outcome.failures[number] = failure
    return number + 1, max(1.0, time.monotonic() - begin)


def _read_all(kind: type[Reader], folder: Path, seed: int, first: int, last: int, sender: Connection) -> None:
    """Read the inputs of these numbers in this process, and send what comes of each."""
    unnoticed: list[str] = []  # exceptions that no code has caught
    threading.excepthook = lambda args: unnoticed.append(
        "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
    )
    sys.unraisablehook = lambda args: unnoticed.append(
        "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
    )
    with kind(folder, unnoticed) as reader:
        for sample in reader.samples:
            reader.read(sample)
        assert not unnoticed, unnoticed
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        _limit_memory()
        for number in range(first, last):
            sender.send({"state": "begun", "number": number, "peak": _peak_bytes()})
            data = make_input(reader, seed, number)
            state = failure = ""
            try:
                reader.read(data)
            except ERRORS as error:
                state = "refused"
                if "\n" in str(error):
                    failure = f"its message is more than one line: {error!r}"
            except BaseException:
                failure = traceback.format_exc()
            if unnoticed:
                failure = "\n".join(unnoticed)
                unnoticed.clear()
            state = "failed" if failure else state or "read"
            sender.send({"state": state, "number": number, "peak": _peak_bytes(), "failure": failure})
    sender.send(None)


def _limit_memory() -> None:
    """Let allocations beyond the limit fail."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _shorten(failure: str) -> str:
    lines = [line.strip() for line in failure.strip().splitlines()]
    places = [line for line in lines if line.startswith("File ")]
    last = lines[-1][:200] if lines else ""
    return f"{places[-1]}: {last}" if places else last
