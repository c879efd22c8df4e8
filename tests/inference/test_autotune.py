"""The fastest engine is found by trying, and remembered."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from realtime.errors import EngineError
from realtime.inference import autotune, engine
from realtime.inference.engine import Engine, Way
from realtime.inference.model import Model
from realtime.stylizer.library import Library


@pytest.fixture
def model(library: Library) -> Model:
    return library.models[0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(autotune, "SIZE", (64, 64))
    monkeypatch.setattr(autotune, "SECONDS", 0.01)
    return tmp_path / "realtime-stylize/engines.json"


def test_the_fastest_is_found_and_remembered(model: Model, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def compare(runs: dict[str, object]) -> dict[str, float]:
        tried.extend(runs)
        return {label: 0.010 if label == "openvino" else 0.020 for label in runs}

    monkeypatch.setattr(autotune, "compare", compare)
    first = Engine(replace(model, int8=None))
    assert (first.provider, tried) == ("openvino", ["openvino", "cpu"])
    assert "fastest here: 10 ms (cpu 20)" in first.provider_reason
    assert Engine(replace(model, int8=None)).provider_reason == first.provider_reason
    assert len(tried) == 2, "the second start tries nothing"
    monkeypatch.setattr(autotune, "version", lambda package: "another")
    Engine(replace(model, int8=None))
    assert len(tried) == 4, "another version of a runtime is tried anew"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"KEY": 3}', b'{"KEY": {"cpu": "x"}}', b'{"KEY": {"gone": 1}}', b"\xff\xfe"]
)
def test_a_broken_memory_is_none(model: Model, cache: Path, content: bytes) -> None:
    model = replace(model, int8=None)
    known = autotune.key([model.data, b""], ["openvino", "cpu"])
    cache.parent.mkdir()
    cache.write_bytes(content.replace(b"KEY", known.encode()))
    assert Engine(model).provider in ("cpu", "openvino")
    assert autotune.recall(known) is not None, "and the next start has a whole one"


def test_a_memory_that_cannot_be_written_is_no_error(model: Model, cache: Path) -> None:
    cache.parent.write_text("a file where the folder should be")
    assert Engine(model).provider in ("cpu", "openvino")


def test_what_was_the_fastest_and_is_broken_now_is_passed_over(
    model: Model, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(model, int8=None)
    autotune.remember(autotune.key([model.data, b""], ["openvino", "cpu"]), {"openvino": 0.001, "cpu": 0.002})

    def fail(*arguments: object) -> None:
        raise RuntimeError("no such device")

    monkeypatch.setattr(engine, "OpenVinoSession", fail)
    assert Engine(model).provider == "cpu"
    with pytest.raises(EngineError, match="OPENVINO does not start"):
        Engine(model, "openvino")


def test_int8_is_tried_of_what_is_near_the_fastest(model: Model, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[list[str]] = []
    slow = {"cpu": 0.030, "cpu int8": 0.005}

    def compare(runs: dict[str, object]) -> dict[str, float]:
        tried.append(list(runs))
        return {label: slow.get(label, 0.010) for label in runs}

    monkeypatch.setattr(autotune, "compare", compare)
    monkeypatch.setattr(engine, "has_int8_instructions", lambda: True)
    first = Engine(model)
    assert tried == [["openvino", "cpu"], ["openvino", "openvino int8"]] and first.provider_reason.count("10 ms") == 1
    assert Engine(model).provider_reason == first.provider_reason and len(tried) == 2, "remembered"
    slow["cpu"] = 0.012
    monkeypatch.setattr(autotune, "version", lambda package: "another")
    assert "int8, 5 ms" in Engine(model).provider_reason
    assert tried[2:] == [["openvino", "cpu"], ["openvino", "cpu", "openvino int8", "cpu int8"]]


def test_nothing_to_compare_is_no_error() -> None:
    assert autotune.compare({}) == {}


def test_int8_has_to_pay() -> None:
    ways = {way.label: way for way in (Way("cpu"), Way("cpu", int8=True))}
    assert engine._choose(ways, {"cpu": 0.010, "cpu int8": 0.0095}).label == "cpu"
    assert engine._choose(ways, {"cpu": 0.010, "cpu int8": 0.0080}).label == "cpu int8"


@pytest.mark.skipif(sys.platform != "linux", reason="its folder is called otherwise")
def test_memory_lies_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert autotune.cache_file() == Path("/somewhere/realtime-stylize/engines.json")


def test_a_comparison_alternates() -> None:
    order: list[str] = []
    seconds = autotune.compare({name: partial(order.append, name) for name in "ab"}, 0.0)
    assert order == ["a", "b"] and set(seconds) == {"a", "b"}


def test_what_is_far_behind_is_tried_no_more() -> None:
    order: list[str] = []

    def paint(name: str, seconds: float) -> None:
        order.append(name)
        time.sleep(seconds)

    seconds = autotune.compare({"quick": partial(paint, "quick", 0.01), "slow": partial(paint, "slow", 0.05)}, 9.0)
    assert order.count("slow") == 2 and order.count("quick") == autotune.ROUNDS
    assert seconds["quick"] < seconds["slow"]
