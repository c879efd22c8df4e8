"""The engines on this machine: they agree, the fastest is found and remembered, the others say what they lack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import nullcontext
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from export.verify import cover
from realtime.frame import Image
from realtime.inference import engine, onnx_session
from realtime.inference.model import Model
from realtime.inference.onnx_runtime import create_session
from realtime.inference.onnx_session import GRAPHS, BoundSession, Buffers, PlainSession
from realtime.inference.openvino_session import SIZES, OpenVinoSession, core
from realtime.inference.providers import PROVIDERS, problem_of
from realtime.stylizer.library import Library
from tests.conftest import Run
from tests.export.conftest import make_picture
from training.images import read_some

CPU = "CPUExecutionProvider"
ROOT = Path(__file__).parents[2]
HERE = [name for name in PROVIDERS if problem_of(name) is None]


@pytest.fixture(scope="module")
def model(library: Library) -> Model:
    return library.models[0]


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


class Capturing(BoundSession):
    """Cannot be captured at one size, as on a GPU that has to make room meanwhile."""

    opened = 0
    numbers: list[int]

    def _open(self) -> None:
        super()._open()
        self.opened += 1

    def _set_up(self, image: Image, weights: NDArray[np.float32]) -> Buffers:
        if self.graphs and len(image) == 96:
            raise RuntimeError("CUDA failure 900")
        return super()._set_up(image, weights)


@pytest.fixture
def as_if_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor takes the option for CUDA graphs, which it does not know."""
    monkeypatch.setattr(onnx_session, "create_session", lambda model, provider, *_: create_session(model, provider))


def test_a_size_that_cannot_be_captured_runs_without(model: Model, photo: Image, as_if_captured: None) -> None:
    bound = Capturing(model.data, CPU, {"enable_cuda_graph": "1"}, device="cpu")
    plain = PlainSession(model.data, CPU)
    for rows, graphs, opened in ((64, True, 1), (96, False, 2), (64, False, 2)):
        picture = photo[:rows, :64].copy()
        assert (bound.run(picture, one(model)) == plain.run(picture, one(model))).all()
        assert (bound.graphs, bound.opened) == (graphs, opened)


def test_no_graph_has_the_number_of_one_that_failed(
    model: Model, photo: Image, as_if_captured: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = BoundSession(model.data, CPU, {"enable_cuda_graph": "1"}, device="cpu")
    numbers: list[int] = []

    class Failing(Buffers):
        def __init__(self, *given: Any) -> None:
            numbers.append(given[-1])
            super().__init__(*given)

        def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
            if len(image) == 96:
                raise MemoryError
            return super().run(image, weights)

    monkeypatch.setattr(onnx_session, "Buffers", Failing)
    monkeypatch.setattr(bound, "_open_without_graphs", lambda: False)
    for rows in (72, 96, 80, 96, 88):
        with pytest.raises(MemoryError) if rows == 96 else nullcontext():
            bound.run(photo[:rows, :64].copy(), one(model))
    assert len(set(numbers)) == len(numbers) == 5 and min(numbers) > 0


class Idle(onnxruntime.InferenceSession):  # type: ignore[misc,unused-ignore]
    """As on a Mac: CoreML is one of the session's providers, and every node is the processor's."""

    def __init__(self, model: bytes, settings: Any, providers: Any, **more: Any) -> None:
        super().__init__(model, settings, [CPU], **more)

    def get_providers(self) -> list[str]:
        return ["CoreMLExecutionProvider", CPU]


def test_a_provider_that_takes_nothing_is_not_named(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", Idle)
    with pytest.raises(RuntimeError, match="takes no part of this network"):
        create_session(model.data, "CoreMLExecutionProvider")
    assert create_session(model.data, CPU)


@pytest.mark.skipif("cuda" in HERE, reason="it starts")
def test_what_does_not_start_prints_nothing(model: Model, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output is for what --json prints."""
    with pytest.raises(RuntimeError):
        create_session(model.data, "CUDAExecutionProvider")
    assert capfd.readouterr().out == ""


def test_openvino_tells_nobody_that_it_runs() -> None:
    code = (
        "import sys, threading; from realtime.inference.openvino_session import openvino_devices; openvino_devices();"
        "print([name for name in sys.modules if 'telemetry' in name and '.ovc' not in name], threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.stdout.strip(), done.stderr) == ("[] 1", "")


def test_onnx_runtime_writes_no_diary(tmp_path: Path) -> None:
    """It would send it to its makers."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    code = "import realtime, sys; from realtime.stylizer.library import load_library;"
    code += "from realtime.inference.engine import Engine; Engine(load_library().models[0], 'cpu')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment | {"HOME": str(tmp_path)}, check=True)
    assert not [path for path in tmp_path.rglob("*") if "Microsoft" in path.parts]


def test_after_sessions_that_came_and_went_ctrl_c_is_one_still() -> None:
    code = """
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from realtime.inference.openvino_session import OpenVinoSession, openvino_devices
from realtime.stylizer.library import load_library
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
    done = run("realtime", "--demo", "--no-window", "--frames", "1", "--provider", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"realtime-stylize: --provider {name}: ")
    assert str(problem_of(name)) in done.stderr


def test_the_list_says_what_to_install(run: Run) -> None:
    table = run("realtime", "--list-providers").stdout
    if "cuda" not in HERE:
        assert "realtime-stylize[cuda]" in table
    for row in json.loads(run("realtime", "--list-providers", "--json").stdout):
        assert row["available"] == (row["problem"] is None)
        assert row["available"] or row["to have it"] or "only" in row["problem"]
