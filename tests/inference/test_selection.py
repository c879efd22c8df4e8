"""Selecting the fastest candidate: measured once, kept for the next start, int8 only where it is fast enough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from realtime.errors import EngineError
from realtime.inference import autotune, openvino_session, selection
from realtime.inference.backend import Device, cpu_device
from realtime.inference.engine import Engine
from realtime.inference.model import Model
from realtime.inference.onnx_backends import CPU
from realtime.inference.providers import BACKENDS
from realtime.inference.selection import MIN_INT8_SPEEDUP, Candidate, may_use_int8, pick_fastest
from tests.inference.conftest import FakeSession


@pytest.fixture
def cache_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and short trials."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(autotune, "TRIAL_SIZE", (64, 64))
    monkeypatch.setattr(autotune, "TRIAL_SECONDS", 0.01)
    return tmp_path / "realtime-stylize/engines.json"


@pytest.fixture
def exact_model(model: Model) -> Model:
    """The shipped model without its int8 sibling."""
    return replace(model, int8=None)


def test_fastest_candidate_is_measured_once_for_each_version_of_a_runtime(
    exact_model: Model, cache_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def measure_seconds(runs: dict[str, object]) -> dict[str, float]:
        measured.extend(runs)
        return {label: 0.010 if label == "openvino" else 0.020 for label in runs}

    monkeypatch.setattr(autotune, "measure_seconds", measure_seconds)
    first = Engine(exact_model)
    assert (first.provider, measured) == ("openvino", ["openvino", "cpu"])
    assert "fastest here: 10 ms (cpu 20)" in first.provider_reason
    assert Engine(exact_model).provider_reason == first.provider_reason
    assert len(measured) == 2, "the second start measures nothing"
    monkeypatch.setattr(autotune, "version", lambda package: "another")
    Engine(exact_model)
    assert len(measured) == 4, "with another version of a runtime it measures again"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"KEY": 3}', b'{"KEY": {"cpu": "x"}}', b'{"KEY": {"gone": 1}}', b"\xff\xfe"]
)
def test_broken_cache_is_replaced(exact_model: Model, cache_file: Path, content: bytes) -> None:
    key = autotune.cache_key([exact_model.trunk_digest.encode(), b""], ["openvino", "cpu"])
    cache_file.parent.mkdir()
    cache_file.write_bytes(content.replace(b"KEY", key.encode()))
    assert Engine(exact_model).provider in ("cpu", "openvino")
    assert autotune.load_trial(key) is not None, "the next start finds a whole one"


def test_cache_that_cannot_be_written_is_no_error(exact_model: Model, cache_file: Path) -> None:
    cache_file.parent.write_text("a file in place of the folder")
    assert Engine(exact_model).provider in ("cpu", "openvino")


def test_cached_fastest_candidate_that_fails_now_is_passed_over(
    exact_model: Model, cache_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = autotune.cache_key([exact_model.trunk_digest.encode(), b""], ["openvino", "cpu"])
    autotune.save_trial(key, {"openvino": 0.001, "cpu": 0.002})

    def fail(*arguments: object) -> None:
        raise RuntimeError("no such device")

    monkeypatch.setattr(openvino_session, "OpenVinoSession", fail)
    assert Engine(exact_model).provider == "cpu"
    with pytest.raises(EngineError, match="OPENVINO does not start"):
        Engine(exact_model, "openvino")


def test_int8_is_measured_only_where_the_unquantized_candidate_is_not_slow(
    model: Model, cache_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[list[str]] = []
    seconds = {"cpu": 0.030, "cpu int8": 0.005}

    def measure_seconds(runs: dict[str, object]) -> dict[str, float]:
        measured.append(list(runs))
        return {label: seconds.get(label, 0.010) for label in runs}

    monkeypatch.setattr(autotune, "measure_seconds", measure_seconds)
    monkeypatch.setattr(selection, "has_int8_instructions", lambda: True)
    first = Engine(model)
    assert measured == [["openvino", "cpu"], ["openvino", "openvino int8"]]
    assert first.provider_reason.count("10 ms") == 1
    assert Engine(model).provider_reason == first.provider_reason and len(measured) == 2, "kept for the next start"
    seconds["cpu"] = 0.012
    monkeypatch.setattr(autotune, "version", lambda package: "another")
    assert "int8, 5 ms" in Engine(model).provider_reason
    assert measured[2:] == [["openvino", "cpu"], ["openvino", "cpu", "openvino int8", "cpu int8"]]


def test_trial_holds_for_all_models_with_the_same_convolutions(
    model: Model, cache_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a model that a training writes again and again is opened without one, also without its int8 sibling."""
    monkeypatch.setattr(selection, "has_int8_instructions", lambda: True)
    seconds = {"cpu": 0.020, "openvino": 0.012, "openvino int8": 0.005}
    monkeypatch.setattr(autotune, "measure_seconds", lambda runs: {label: seconds.get(label, 1.0) for label in runs})
    assert "int8, 5 ms" in Engine(model).provider_reason
    monkeypatch.setattr(autotune, "measure_seconds", lambda runs: pytest.fail("it was measured again"))
    other = replace(model, path=Path("other.onnx"), data=model.data + b"")
    assert "int8, 5 ms" in Engine(other).provider_reason
    assert "fastest here: 12 ms (cpu 20)" in Engine(replace(other, int8=None)).provider_reason


def test_pick_fastest_takes_int8_only_from_its_minimum_speedup_on() -> None:
    exact, int8 = candidates = [Candidate(CPU, cpu_device()), Candidate(CPU, cpu_device(), int8=True)]
    assert MIN_INT8_SPEEDUP == 1.15, "the figure in docs/hardware.md"
    assert pick_fastest(candidates, {"cpu": 0.010, "cpu int8": 0.0095}) is exact
    assert pick_fastest(candidates, {"cpu": 0.010, "cpu int8": 0.0080}) is int8


def test_int8_is_worth_a_trial_only_on_capable_cpu_with_sibling(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "has_int8_instructions", lambda: True)
    assert may_use_int8(model, cpu_device())
    assert not may_use_int8(model, Device("GPU.0"))
    assert not may_use_int8(replace(model, int8=None), cpu_device())
    monkeypatch.setattr(selection, "has_int8_instructions", lambda: False)
    assert not may_use_int8(model, cpu_device())


def test_workers_that_do_not_open_are_left_out(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    original = Candidate.open

    def open(self: Candidate, model: Model, threads: int = 0) -> object:
        opened.append(threads)
        if len(opened) == 3:
            raise MemoryError("no room")
        return original(self, model, threads)

    monkeypatch.setattr(Candidate, "open", open)
    monkeypatch.setattr(type(CPU), "devices", lambda self: [Device("CPU", is_cpu=True, max_workers=3)])
    assert Engine(model, "cpu", 3).num_workers == 1 and len(opened) == 3


@pytest.mark.parametrize(("name", "num_opened"), [("cpu", 1 + 2), ("cuda", 3)])
def test_first_session_is_a_worker_unless_workers_share_cores(
    model: Model, monkeypatch: pytest.MonkeyPatch, name: str, num_opened: int
) -> None:
    opened: list[FakeSession] = []

    def open(self: Candidate, model: Model, threads: int = 0) -> FakeSession:
        opened.append(FakeSession(100))
        return opened[-1]

    monkeypatch.setattr(Candidate, "open", open)
    candidate = Candidate(BACKENDS[name], BACKENDS[name].devices()[0])
    count = 2 if name == "cpu" else candidate.device.max_workers
    first = candidate.open(model)
    sessions = candidate.open_workers(model, count, first)
    assert (len(sessions), len(opened)) == (count, num_opened)
    assert (first in sessions) is (name == "cuda")
