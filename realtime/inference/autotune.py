"""Measuring which candidate runs a model fastest on this machine, and keeping the results for the next start."""

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
from realtime.system.hardware import cpu_info, nvidia_gpus, usable_cores
from realtime.system.paths import cache_folder

TRIAL_SECONDS = 0.5  # a trial ends after this time
TRIAL_ROUNDS = 5  # or when each candidate has run this many times
TRIAL_SIZE = (480, 640)  # height, width of the image that is stylized in a trial
SLOW_FACTOR = 1.5  # a candidate that twice takes this many times as long as the fastest one is not run again
MAX_CACHED_TRIALS = 100  # results kept in the cache file

RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "openvino", "tensorrt")


def measure_seconds(runs: Mapping[str, Callable[[], object]], seconds: float | None = None) -> dict[str, float]:
    """Return the median seconds of each run. They alternate, so that a busy machine slows all of them alike.

    Each should have run before, because the first run takes longer. seconds: limit of the whole trial, by default
    TRIAL_SECONDS.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    deadline = time.perf_counter() + (TRIAL_SECONDS if seconds is None else seconds)
    for round_number in range(TRIAL_ROUNDS):
        if round_number and time.perf_counter() >= deadline:
            break
        slow = SLOW_FACTOR * min(map(min, times.values()), default=0.0) if round_number >= 2 else math.inf
        for name, run in runs.items():
            if round_number < 2 or min(times[name]) < slow:
                start = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(measured) for name, measured in times.items()}


def cache_file() -> Path:
    """Return the path of the cache file; it need not exist."""
    return cache_folder() / "engines.json"


def cache_key(model: Sequence[bytes], labels: Sequence[str]) -> str:
    """Return a digest of what a result depends on: model files, candidates, machine, and every runtime's version."""
    digests = [hashlib.sha256(data).hexdigest() for data in model]
    machine = [platform.node(), cpu_info()[0], os.cpu_count(), usable_cores(), *nvidia_gpus()]
    facts = [digests, list(labels), machine, [_version(name) for name in RUNTIMES]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def load_trial(key: str) -> dict[str, float] | None:
    """Return the seconds that `save_trial` kept under that key, or None if the file lacks them or is broken."""
    entry = _read_cache().get(key)
    if not isinstance(entry, dict) or not entry:
        return None
    if not all(isinstance(seconds, int | float) and seconds > 0 for seconds in entry.values()):
        return None
    return {str(name): float(seconds) for name, seconds in entry.items()}


def save_trial(key: str, seconds: Mapping[str, float]) -> None:
    """Keep the seconds of each candidate for the next start; a file that cannot be written is no error."""
    entries = _read_cache()
    entries.pop(key, None)
    entries[key] = {name: round(value, 6) for name, value in seconds.items()}
    newest = dict(list(entries.items())[-MAX_CACHED_TRIALS:])
    file = cache_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(newest, stream, indent=1)
        replace_file(part, file)
    except OSError:
        return


def _read_cache() -> dict[str, Any]:
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
