"""The engine with several workers: fewer when memory runs out, the CPU when the GPU is lost."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.errors import EngineError
from realtime.frame import Image
from realtime.inference.engine import Engine
from realtime.inference.model import Model
from realtime.inference.onnx_session import OnnxSession
from tests.inference.conftest import CPU_PROVIDER, FakeSession, one_style

IMAGE: Image = np.zeros((50, 8, 3), np.uint8)
WEIGHTS: NDArray[np.float32] = np.zeros(1, np.float32)


def engine_with(model: Model, *sessions: FakeSession) -> Engine:
    """Return an engine on the CPU with its sessions replaced."""
    engine = Engine(model, "cpu")
    engine._idle.get()
    engine._sessions = list(sessions)
    for session in sessions:
        engine._idle.put(session)
    return engine


def test_run_uses_the_session_that_has_memory_when_the_others_fail(model: Model) -> None:
    engine = engine_with(model, FakeSession(10), FakeSession(10), FakeSession(100))
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(partial(engine.run, weights=WEIGHTS), [IMAGE] * 20))
    assert len(results) == 20 and all(result is IMAGE for result in results)


class FailsBesideAnother(FakeSession):
    """Fails once, at the same time as the other session of its test."""

    def __init__(self, both_running: threading.Barrier) -> None:
        super().__init__(100)
        self.both_running: threading.Barrier | None = both_running

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        barrier, self.both_running = self.both_running, None
        if barrier is not None:
            barrier.wait()
            raise MemoryError("no room")
        return image


def test_run_keeps_one_session_when_all_fail_at_once(model: Model) -> None:
    both_running = threading.Barrier(2, timeout=60)
    engine = engine_with(model, FailsBesideAnother(both_running), FailsBesideAnother(both_running))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(partial(engine.run, weights=WEIGHTS), [IMAGE] * 4))
    assert len(results) == 4 and len(engine._sessions) == 1


class Interrupted(FakeSession):
    """Raises KeyboardInterrupt in its first run."""

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        if self.max_rows:
            self.max_rows = 0
            raise KeyboardInterrupt
        return image


def test_run_returns_session_to_the_idle_ones_after_an_interrupt(model: Model) -> None:
    engine = engine_with(model, Interrupted(1))
    with pytest.raises(KeyboardInterrupt):
        engine.run(IMAGE, WEIGHTS)
    assert engine.run(IMAGE, WEIGHTS) is IMAGE


def test_run_and_prepare_raise_when_no_session_has_memory_and_later_work(model: Model) -> None:
    engine = engine_with(model, FakeSession(10), FakeSession(10))
    for _ in range(3):
        with pytest.raises(EngineError, match="failed on cpu: no room"):
            engine.run(IMAGE, WEIGHTS)
        with pytest.raises(EngineError, match="no room"):
            engine.prepare((50, 8, 3))
    assert engine.run(np.zeros((8, 8, 3), np.uint8), WEIGHTS).shape == (8, 8, 3)


def test_run_falls_back_to_cpu_when_automatically_chosen_gpu_is_lost(
    model: Model, photo: Image, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    lost = [FakeSession(10), FakeSession(10), FakeSession(10)]
    engine = engine_with(model, *lost)
    engine.seconds = 0.001  # measured on the GPU
    engine.provider, engine._auto = "cuda", True
    image = np.ascontiguousarray(photo[:64, :64])
    weights = one_style(model)
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(partial(engine.run, weights=weights), [image] * 6))
    expected = OnnxSession(model.data, CPU_PROVIDER).run(image, weights)
    assert not engine.seconds
    assert len(results) == 6 and all((result == expected).all() for result in results)
    assert (engine.provider, engine.provider_reason, engine.num_workers) == ("cpu", "CUDA failed: no room", 1)
    assert caplog.messages == ["CPU: CUDA failed: no room"]
    assert all(session.closed for session in lost)


def test_run_raises_when_provider_chosen_by_name_fails(model: Model) -> None:
    engine = engine_with(model, FakeSession(10))
    engine.provider, engine._auto = "tensorrt", False
    with pytest.raises(EngineError, match="failed on tensorrt: no room; its sides are from 16 to 3840 pixels"):
        engine.run(IMAGE, WEIGHTS)
