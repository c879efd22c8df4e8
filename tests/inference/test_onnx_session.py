"""ONNX Runtime's sessions; those for NVIDIA GPUs run on this machine's CPU."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from realtime.frame import Image
from realtime.inference import onnx_session
from realtime.inference.model import Model
from realtime.inference.nvidia_backends import CUDA
from realtime.inference.onnx_runtime import create_session
from realtime.inference.onnx_session import (
    MAX_GRAPHS,
    BoundBuffers,
    IoBindingSession,
    OnnxSession,
    ThreadBoundSession,
)
from tests.conftest import ROOT
from tests.inference.conftest import CPU_PROVIDER, one_style

WITH_GRAPHS = {"enable_cuda_graph": "1"}


def test_io_binding_session_equals_onnx_session_at_more_shapes_than_it_keeps(model: Model, photo: Image) -> None:
    plain, bound = OnnxSession(model.data, CPU_PROVIDER), IoBindingSession(model.data, CPU_PROVIDER, device="cpu")
    sizes = [(16 + 8 * n, 32) for n in range(MAX_GRAPHS + 3)]
    for height, width in sizes * 2:
        image = np.ascontiguousarray(photo[:height, :width])
        for weights in (one_style(model), one_style(model, 1), one_style(model, 1)):
            assert (bound.run(image, weights) == plain.run(image, weights)).all()
    first = bound.run(image, one_style(model))
    copy = first.copy()
    bound.run(image[::-1], one_style(model, 2))
    assert (first == copy).all(), "the next run has overwritten the image that was returned"


def test_io_binding_session_runs_without_graphs_when_opening_with_them_fails(model: Model, photo: Image) -> None:
    """The CPU provider refuses the option, which looks like a capture that fails."""
    bound = IoBindingSession(model.data, CPU_PROVIDER, WITH_GRAPHS, device="cpu")
    assert bound.run(photo[:64, :64].copy(), one_style(model)).shape == (64, 64, 3)


class CaptureFailsAt96Rows(IoBindingSession):
    """Cannot capture at one image height, as on a GPU that runs out of memory."""

    times_opened = 0

    def _open(self) -> None:
        super()._open()
        self.times_opened += 1

    def _create_buffers(self, image: Image, weights: NDArray[np.float32]) -> BoundBuffers:
        if self.uses_graphs and len(image) == 96:
            raise RuntimeError("CUDA failure 900")
        return super()._create_buffers(image, weights)


@pytest.fixture
def cpu_accepts_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop the provider options, since the CPU provider does not know the one for CUDA graphs."""
    monkeypatch.setattr(onnx_session, "create_session", lambda model, provider, *_: create_session(model, provider))


def test_io_binding_session_reopens_without_graphs_when_one_shape_cannot_be_captured(
    model: Model, photo: Image, cpu_accepts_graphs: None
) -> None:
    bound = CaptureFailsAt96Rows(model.data, CPU_PROVIDER, WITH_GRAPHS, device="cpu")
    plain = OnnxSession(model.data, CPU_PROVIDER)
    for rows, uses_graphs, times_opened in ((64, True, 1), (96, False, 2), (64, False, 2)):
        image = photo[:rows, :64].copy()
        assert (bound.run(image, one_style(model)) == plain.run(image, one_style(model))).all()
        assert (bound.uses_graphs, bound.times_opened) == (uses_graphs, times_opened)


def test_graph_id_of_failed_capture_is_not_reused(
    model: Model, photo: Image, cpu_accepts_graphs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = IoBindingSession(model.data, CPU_PROVIDER, WITH_GRAPHS, device="cpu")
    graph_ids: list[int] = []

    class FailsAt96Rows(BoundBuffers):
        def __init__(self, *arguments: Any) -> None:
            graph_ids.append(arguments[-1])
            super().__init__(*arguments)

        def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
            if len(image) == 96:
                raise MemoryError
            return super().run(image, weights)

    monkeypatch.setattr(onnx_session, "BoundBuffers", FailsAt96Rows)
    monkeypatch.setattr(bound, "_reopen_without_graphs", lambda: False)
    for rows in (72, 96, 80, 96, 88):
        with pytest.raises(MemoryError) if rows == 96 else nullcontext():
            bound.run(photo[:rows, :64].copy(), one_style(model))
    assert len(set(graph_ids)) == len(graph_ids) == 5 and min(graph_ids) > 0


class RecordsThreads(IoBindingSession):
    """Records the threads that run it."""

    thread_ids: set[int]

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        self.__dict__.setdefault("thread_ids", set()).add(threading.get_ident())
        return super().run(image, weights)


def test_thread_bound_session_runs_in_one_thread_whichever_thread_calls(model: Model, photo: Image) -> None:
    sessions: list[RecordsThreads] = []

    def open_session() -> RecordsThreads:
        sessions.append(RecordsThreads(model.data, CPU_PROVIDER, device="cpu"))
        return sessions[-1]

    workers = [ThreadBoundSession(open_session) for _ in range(2)]
    plain = OnnxSession(model.data, CPU_PROVIDER)
    weights = one_style(model)
    images = [np.ascontiguousarray(photo[:64, n : n + 64 + 8 * (n % 3)]) for n in range(24)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: workers[n % 2].run(images[n], weights), range(24)))
    for image, result in zip(images, results, strict=True):
        assert (result == plain.run(image, weights)).all()
    assert all(len(session.thread_ids) == 1 for session in sessions), "the thread that opened it"
    assert len(sessions[0].thread_ids | sessions[1].thread_ids) == 2


class AssignsNothingToCoreMl(onnxruntime.InferenceSession):  # type: ignore[misc,unused-ignore]
    """As on a Mac: CoreML is one of the session's providers, and every node is assigned to the CPU."""

    def __init__(self, model: bytes, settings: Any, providers: Any, **options: Any) -> None:
        super().__init__(model, settings, [CPU_PROVIDER], **options)

    def get_providers(self) -> list[str]:
        return ["CoreMLExecutionProvider", CPU_PROVIDER]


def test_create_session_fails_when_provider_takes_no_part_of_network(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", AssignsNothingToCoreMl)
    with pytest.raises(RuntimeError, match="takes no part of this network"):
        create_session(model.data, "CoreMLExecutionProvider")
    assert create_session(model.data, CPU_PROVIDER)


@pytest.mark.skipif(CUDA.find_problem() is None, reason="CUDA starts here")
def test_create_session_prints_nothing_when_provider_does_not_load(
    model: Model, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard output is reserved for what --json prints."""
    with pytest.raises(RuntimeError):
        create_session(model.data, "CUDAExecutionProvider")
    assert capfd.readouterr().out == ""


def test_onnx_runtime_writes_no_telemetry_file(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    code = "import realtime, sys; from realtime.stylizer.library import load_library;"
    code += "from realtime.inference.engine import Engine; Engine(load_library().models[0], 'cpu')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment | {"HOME": str(tmp_path)}, check=True)
    assert not [path for path in tmp_path.rglob("*") if "Microsoft" in path.parts]
