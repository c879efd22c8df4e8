"""The engines on this machine: they agree, the fastest is found and remembered, the others say what they lack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from export.verify import cover
from realtime import engine, trial
from realtime.engine import PROVIDERS, Engine, Way, problem_of
from realtime.errors import EngineError
from realtime.frame import Image
from realtime.onnx_session import GRAPHS, BoundSession, PlainSession
from realtime.openvino_session import SIZES, OpenVinoSession, core
from realtime.styles import Library, Model
from tests.conftest import Run
from tests.export.conftest import make_picture
from training.images import read_some

CPU = "CPUExecutionProvider"
ROOT = Path(__file__).parent.parent
HERE = [name for name in PROVIDERS if problem_of(name) is None]


@pytest.fixture(scope="module")
def model(library: Library) -> Model:
    return library.models[0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(trial, "SIZE", (64, 64))
    monkeypatch.setattr(trial, "SECONDS", 0.01)
    return tmp_path / "realtime-stylize/engines.json"


DRAWN = 1  # of the pictures, the one that is no photograph


def pictures(photo: Image) -> list[Image]:
    """A face, shapes with noise, a room where somebody has switched off the light, and those of the folder PHOTOS."""
    face = np.asarray(cv2.resize(photo, (320, 240), interpolation=cv2.INTER_AREA), np.uint8)
    drawn = [face, make_picture(200, 320), (face // 8)[:, ::-1].copy()]
    more = read_some(Path(os.environ["PHOTOS"]), 1000) if "PHOTOS" in os.environ else []
    return [*drawn, *(cover(image, 480, 640) for image in more)]


def one(model: Model, row: int = 0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.asarray(np.eye(len(model.styles), dtype=np.float32)[row])


def psnr(a: Image, b: Image) -> float:
    power = float(np.mean(np.square(a.astype(float) - b)))
    return 99.0 if power == 0 else float(10 * np.log10(255**2 / power))


def test_any_two_engines_agree(model: Model, photo: Image) -> None:
    """38 dB where one of them computes in bf16 or int8, 45 dB otherwise; int8 on photographs alone."""
    ways = [way for name in HERE for way in engine.ways_of(name, model, "auto")]
    assert {"cpu", "openvino"} <= {way.name for way in ways}, "the extra openvino belongs to the tests"
    bf16 = "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    opened = {way: way.open(model).run for way in ways}
    for number, picture in enumerate(pictures(photo)):
        weights = one(model, number % len(model.styles))
        painted = {way: run(picture, weights) for way, run in opened.items() if not (way.int8 and number == DRAWN)}
        for a, b in combinations(painted, 2):
            rounded = a.int8 or b.int8 or (bf16 and "openvino" in (a.name, b.name))
            assert psnr(painted[a], painted[b]) >= (38 if rounded else 45), (a.label, b.label, number)


def test_fixed_memory_paints_what_arrays_paint(model: Model, photo: Image) -> None:
    """The CUDA path's own class, on this machine's processor; more sizes than it keeps, each met twice."""
    plain, bound = PlainSession(model.data, CPU), BoundSession(model.data, CPU, device="cpu")
    sizes = [(16 + 8 * n, 32) for n in range(GRAPHS + 3)]
    for height, width in sizes * 2:
        picture = np.ascontiguousarray(photo[:height, :width])
        for weights in (one(model), one(model, 1), one(model, 1)):
            assert (bound.run(picture, weights) == plain.run(picture, weights)).all()
    first = bound.run(picture, one(model))
    kept = first.copy()
    bound.run(picture[::-1], one(model, 2))
    assert (first == kept).all(), "the picture given out was painted over"


def test_a_network_that_cannot_be_captured_runs_without(model: Model, photo: Image) -> None:
    """This provider knows no such option: to the class that is a capture that fails."""
    bound = BoundSession(model.data, CPU, {"enable_cuda_graph": "1"}, device="cpu")
    assert bound.run(photo[:64, :64].copy(), one(model)).shape == (64, 64, 3)


def test_openvino_tells_nobody_that_it_runs() -> None:
    code = (
        "import sys, threading; from realtime.openvino_session import openvino_devices; openvino_devices();"
        "print([name for name in sys.modules if 'telemetry' in name and '.ovc' not in name], threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.stdout.strip(), done.stderr) == ("[] 1", "")


def test_onnx_runtime_writes_no_diary(tmp_path: Path) -> None:
    """It would send it to its makers."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    code = "import realtime, sys; from realtime.styles import load_library; from realtime.engine import Engine;"
    code += "Engine(load_library().models[0], 'cpu')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment | {"HOME": str(tmp_path)}, check=True)
    assert not [path for path in tmp_path.rglob("*") if "Microsoft" in path.parts]


def test_after_sessions_that_came_and_went_ctrl_c_is_one_still() -> None:
    code = """
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from realtime.openvino_session import OpenVinoSession, openvino_devices
from realtime.styles import load_library
model = load_library().models[0].data
openvino_devices()
first = OpenVinoSession(model); second = OpenVinoSession(model)
del first
third = OpenVinoSession(model)
del second, third
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)  # it may come by way of another thread
except KeyboardInterrupt:
    print("as it should be")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (0, "as it should be\n"), done.stderr


def test_openvino_keeps_a_few_sizes(model: Model, photo: Image) -> None:
    session = OpenVinoSession(model.data)
    first = session.run(photo[:64, :64].copy(), one(model))
    for n in range(SIZES + 2):
        assert session.run(photo[: 64 + 8 * n, :64].copy(), one(model)).shape == (64 + 8 * n, 64, 3)
    assert (session.run(photo[:64, :64].copy(), one(model)) == first).all()


def test_openvino_compiles_ahead_while_another_thread_paints(
    model: Model, photo: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = OpenVinoSession(model.data)
    small, large = photo[:64, :64].copy(), photo[:128, :96].copy()
    first = session.run(small, one(model))
    compile, painted = session._compile, threading.Event()

    def slowly(shape: tuple[int, ...]) -> object:
        assert painted.wait(20), "painting waits for the compiler"
        return compile(shape)

    monkeypatch.setattr(session, "_compile", slowly)
    thread = threading.Thread(target=session.prepare, args=(large.shape,))
    thread.start()
    assert (session.run(small, one(model)) == first).all()
    painted.set()
    thread.join()
    monkeypatch.setattr(session, "_compile", None)  # is not asked again
    assert session.run(large, one(model)).shape == large.shape


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name not in HERE])
def test_what_cannot_be_had_is_one_line(run: Run, name: str) -> None:
    done = run("realtime.cli", "--demo", "--no-window", "--frames", "1", "--provider", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"realtime-stylize: --provider {name}: ")
    assert str(problem_of(name)) in done.stderr


def test_the_list_says_what_to_install(run: Run) -> None:
    table = run("realtime.cli", "--list-providers").stdout
    if "cuda" not in HERE:
        assert "onnxruntime-gpu[cuda,cudnn]" in table
    for row in json.loads(run("realtime.cli", "--list-providers", "--json").stdout):
        assert row["available"] == (row["problem"] is None)
        assert row["available"] or row["to have it"] or "only" in row["problem"]


def test_the_fastest_is_found_and_remembered(model: Model, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def compare(runs: dict[str, object]) -> dict[str, float]:
        tried.extend(runs)
        return {label: 0.010 if label == "openvino" else 0.020 for label in runs}

    monkeypatch.setattr(trial, "compare", compare)
    first = Engine(replace(model, int8=None))
    assert (first.provider, tried) == ("openvino", ["openvino", "cpu"])
    assert "fastest here: 10 ms (cpu 20)" in first.why
    assert Engine(replace(model, int8=None)).why == first.why
    assert len(tried) == 2, "the second start tries nothing"
    monkeypatch.setattr(trial, "version", lambda package: "another")
    Engine(replace(model, int8=None))
    assert len(tried) == 4, "another version of a runtime is tried anew"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"KEY": 3}', b'{"KEY": {"cpu": "x"}}', b'{"KEY": {"gone": 1}}', b"\xff\xfe"]
)
def test_a_broken_memory_is_none(model: Model, cache: Path, content: bytes) -> None:
    model = replace(model, int8=None)
    known = trial.key([model.data, b""], ["openvino", "cpu"])
    cache.parent.mkdir()
    cache.write_bytes(content.replace(b"KEY", known.encode()))
    assert Engine(model).provider in ("cpu", "openvino")
    assert trial.recall(known) is not None, "and the next start has a whole one"


def test_a_memory_that_cannot_be_written_is_no_error(model: Model, cache: Path) -> None:
    cache.parent.write_text("a file where the folder should be")
    assert Engine(model).provider in ("cpu", "openvino")


def test_what_was_the_fastest_and_is_broken_now_is_passed_over(
    model: Model, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(model, int8=None)
    trial.remember(trial.key([model.data, b""], ["openvino", "cpu"]), {"openvino": 0.001, "cpu": 0.002})

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

    monkeypatch.setattr(trial, "compare", compare)
    monkeypatch.setattr(engine, "multiplies_bytes", lambda: True)
    first = Engine(model)
    assert tried == [["openvino", "cpu"], ["openvino", "openvino int8"]] and first.why.count("10 ms") == 1
    assert Engine(model).why == first.why and len(tried) == 2, "remembered"
    slow["cpu"] = 0.012
    monkeypatch.setattr(trial, "version", lambda package: "another")
    assert "int8, 5 ms" in Engine(model).why
    assert tried[2:] == [["openvino", "cpu"], ["openvino", "cpu", "openvino int8", "cpu int8"]]


def test_nothing_to_compare_is_no_error() -> None:
    assert trial.compare({}) == {}


def test_lanes_that_do_not_open_are_done_without(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    usual = Way.open

    def open(self: Way, model: Model, threads: int = 0) -> engine.Session:
        opened.append(threads)
        if len(opened) == 3:
            raise MemoryError("no room")
        return usual(self, model, threads)

    monkeypatch.setattr(Way, "open", open)
    monkeypatch.setattr(Way, "lanes", 3)
    assert Engine(model, "cpu", 3).lanes == 1 and len(opened) == 3


def test_int8_has_to_pay() -> None:
    ways = {way.label: way for way in (Way("cpu"), Way("cpu", int8=True))}
    assert engine._choose(ways, {"cpu": 0.010, "cpu int8": 0.0095}).label == "cpu"
    assert engine._choose(ways, {"cpu": 0.010, "cpu int8": 0.0080}).label == "cpu int8"


@pytest.mark.skipif(sys.platform != "linux", reason="its folder is called otherwise")
def test_memory_lies_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert trial.cache_file() == Path("/somewhere/realtime-stylize/engines.json")


def test_a_comparison_alternates() -> None:
    order: list[str] = []
    seconds = trial.compare({name: partial(order.append, name) for name in "ab"}, 0.0)
    assert order == ["a", "b"] and set(seconds) == {"a", "b"}


def test_what_is_far_behind_is_tried_no_more() -> None:
    order: list[str] = []

    def paint(name: str, seconds: float) -> None:
        order.append(name)
        time.sleep(seconds)

    seconds = trial.compare({"quick": partial(paint, "quick", 0.01), "slow": partial(paint, "slow", 0.05)}, 9.0)
    assert order.count("slow") == 2 and order.count("quick") == trial.ROUNDS
    assert seconds["quick"] < seconds["slow"]
