"""Measuring candidates, and the cache of the results."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from realtime.inference import autotune


def test_measure_seconds_of_nothing_is_empty() -> None:
    assert autotune.measure_seconds({}) == {}


def test_measure_seconds_alternates_and_runs_each_once_when_there_is_no_time() -> None:
    order: list[str] = []
    seconds = autotune.measure_seconds({name: partial(order.append, name) for name in "ab"}, 0.0)
    assert order == ["a", "b"] and set(seconds) == {"a", "b"}


def test_measure_seconds_runs_slow_candidate_only_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    clock = SimpleNamespace(now=0.0)

    def run(name: str, seconds: float) -> None:
        order.append(name)
        clock.now += seconds

    monkeypatch.setattr(autotune, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    runs = {"quick": partial(run, "quick", 0.01), "slow": partial(run, "slow", 0.05)}
    seconds = autotune.measure_seconds(runs, 9.0)
    assert order.count("slow") == 2 and order.count("quick") == autotune.TRIAL_ROUNDS
    assert seconds["quick"] < seconds["slow"]


@pytest.mark.skipif(sys.platform != "linux", reason="the cache folder is set by other means")
def test_cache_file_is_in_the_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert autotune.cache_file() == Path("/somewhere/realtime-stylize/engines.json")
