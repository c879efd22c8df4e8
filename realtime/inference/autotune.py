"""Which of several ways to run a model is the fastest here: tried once, then remembered."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from realtime.system.files import replace_file
from realtime.system.hardware import cpu_info, nvidia_gpus
from realtime.system.paths import cache_folder

SECONDS = 0.5  # after which a trial ends,
ROUNDS = 5  # or until each has painted so many times;
SLOWER = 1.5  # what takes that many times as long as the fastest, twice, paints no more
SIZE = (480, 640)  # height, width of what is painted
REMEMBERED = 100  # results in the file

RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "openvino", "tensorrt")


def compare(runs: Mapping[str, Callable[[], object]], seconds: float = SECONDS) -> dict[str, float]:
    """Seconds that each takes, the median of runs that alternate, so that a busy machine is unfair to none.

    Each should have run before: the first time is no measure.
    """
    taken: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds
    for number in range(ROUNDS):
        if number and time.perf_counter() >= end:
            break
        slow = SLOWER * min(map(min, taken.values()), default=0.0) if number >= 2 else math.inf
        for name, run in runs.items():
            if number < 2 or min(taken[name]) < slow:
                start = time.perf_counter()
                run()
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def cache_file() -> Path:
    """Where results are remembered; it need not exist."""
    return cache_folder() / "engines.json"


def key(model: Sequence[bytes], names: Sequence[str]) -> str:
    """Whatever the result depends on: the model, what is compared, the machine, and every runtime's version."""
    digests = [hashlib.sha256(data).hexdigest() for data in model]
    machine = [platform.node(), cpu_info()[0], os.cpu_count(), *nvidia_gpus()]
    facts = [digests, list(names), machine, [_version(name) for name in RUNTIMES]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def recall(known: str) -> dict[str, float] | None:
    """What `remember` was told, or None; a file that is missing or broken is no error."""
    entry = _read().get(known)
    if not isinstance(entry, dict) or not entry:
        return None
    if not all(isinstance(seconds, int | float) and seconds > 0 for seconds in entry.values()):
        return None
    return {str(name): float(seconds) for name, seconds in entry.items()}


def remember(known: str, seconds: Mapping[str, float]) -> None:
    """Keep it for the next start; where that cannot be written, the next start tries again."""
    entries = _read()
    entries.pop(known, None)
    entries[known] = {name: round(value, 6) for name, value in seconds.items()}
    newest = dict(list(entries.items())[-REMEMBERED:])
    file = cache_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(newest, stream, indent=1)
        replace_file(part, file)
    except OSError:
        return


def _read() -> dict[str, Any]:
    try:
        entries = json.loads(cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
