"""Several pictures in flight: as CUDA needs it, on this machine's processor."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.errors import EngineError
from realtime.frame import Image
from realtime.inference.engine import Engine, Way
from realtime.inference.model import Model
from realtime.inference.onnx_session import BoundSession, Gate, OwnThread, PlainSession
from realtime.inference.session import Session
from realtime.stylizer.library import Library

CPU = "CPUExecutionProvider"


class Noting(BoundSession):
    """Says which threads it was run by."""

    threads: set[int]

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        self.__dict__.setdefault("threads", set()).add(threading.get_ident())
        return super().run(image, weights)


def test_a_session_stays_in_its_thread_whoever_asks(library: Library, photo: Image) -> None:
    model = library.models[0]
    sessions: list[Noting] = []

    def opened() -> Noting:
        sessions.append(Noting(model.data, CPU, device="cpu"))
        return sessions[-1]

    num_workers = [OwnThread(opened) for _ in range(2)]
    plain = PlainSession(model.data, CPU)
    weights = np.eye(len(model.styles), dtype=np.float32)[0]
    pictures = [np.ascontiguousarray(photo[:64, n : n + 64 + 8 * (n % 3)]) for n in range(24)]
    with ThreadPoolExecutor(4) as pool:
        painted = list(pool.map(lambda n: num_workers[n % 2].run(pictures[n], weights), range(24)))
    for picture, image in zip(pictures, painted, strict=True):
        assert (image == plain.run(picture, weights)).all()
    assert all(len(session.threads) == 1 for session in sessions), "from its opening on"
    assert len(sessions[0].threads | sessions[1].threads) == 2


def test_nobody_is_inside_with_one_who_wants_to_be_alone() -> None:
    gate, inside, most, alone = Gate(), 0, 0, 0
    over = threading.Event()

    def together() -> None:
        nonlocal inside, most
        while not over.is_set():
            with gate.together():
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1

    threads = [threading.Thread(target=together) for _ in range(3)]
    for thread in threads:
        thread.start()
    disturbed = 0
    for _ in range(50):
        with gate.alone():  # although there is always somebody inside who is followed by another
            alone += 1
            seen = inside
            time.sleep(0.001)
            disturbed += seen + inside
    over.set()
    for thread in threads:
        thread.join()
    assert (alone, disturbed) == (50, 0) and most > 1


class Small:
    """A session that has no room for pictures of more than so many rows."""

    def __init__(self, rows: int) -> None:
        self.rows, self.closed = rows, False

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        if len(image) > self.rows:
            raise MemoryError("no room")
        return image

    def prepare(self, shape: tuple[int, ...]) -> None:
        self.run(np.zeros(shape, np.uint8), np.zeros(1, np.float32))

    def close(self) -> None:
        self.closed = True


def engine_of(library: Library, *sessions: Small) -> Engine:
    engine = Engine(library.models[0], "cpu")
    engine._free.get()
    engine._sessions = list(sessions)
    for session in sessions:
        engine._free.put(session)
    return engine


def test_where_memory_holds_one_picture_the_others_wait(library: Library) -> None:
    engine = engine_of(library, Small(10), Small(10), Small(100))
    picture, weights = np.zeros((50, 8, 3), np.uint8), np.zeros(1, np.float32)
    with ThreadPoolExecutor(3) as pool:
        painted = list(pool.map(partial(engine.run, weights=weights), [picture] * 20))
    assert len(painted) == 20 and all(image is picture for image in painted)


class Crowded(Small):
    """Has room, but not while another is at it."""

    busy = 0

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        Crowded.busy += 1
        time.sleep(0.1)
        try:
            if Crowded.busy > 1:
                time.sleep(0.1)
                raise MemoryError("no room")
            return image
        finally:
            Crowded.busy -= 1


def test_where_all_fail_at_once_one_has_room(library: Library) -> None:
    engine = engine_of(library, Crowded(0), Crowded(0))
    picture, weights = np.zeros((50, 8, 3), np.uint8), np.zeros(1, np.float32)
    with ThreadPoolExecutor(2) as pool:
        painted = list(pool.map(partial(engine.run, weights=weights), [picture] * 4))
    assert len(painted) == 4 and len(engine._sessions) == 1


class Stopped(Small):
    """Is interrupted once."""

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        if self.rows:
            self.rows = 0
            raise KeyboardInterrupt
        return image


def test_an_interruption_loses_no_session(library: Library) -> None:
    engine = engine_of(library, Stopped(1))
    picture, weights = np.zeros((50, 8, 3), np.uint8), np.zeros(1, np.float32)
    with pytest.raises(KeyboardInterrupt):
        engine.run(picture, weights)
    assert engine.run(picture, weights) is picture


def test_what_fits_nowhere_is_said(library: Library) -> None:
    engine = engine_of(library, Small(10), Small(10))
    weights = np.zeros(1, np.float32)
    for _ in range(3):  # and it lives on
        with pytest.raises(EngineError, match="failed on cpu: no room"):
            engine.run(np.zeros((50, 8, 3), np.uint8), weights)
        with pytest.raises(EngineError, match="no room"):
            engine.prepare((50, 8, 3))
    assert engine.run(np.zeros((8, 8, 3), np.uint8), weights).shape == (8, 8, 3)


def test_where_a_gpu_is_lost_the_processor_goes_on(
    library: Library, photo: Image, capfd: pytest.CaptureFixture[str]
) -> None:
    lost = [Small(10), Small(10), Small(10)]
    engine = engine_of(library, *lost)
    engine.seconds = 0.001  # of the GPU
    engine.provider, engine._auto = "cuda", True
    picture = np.ascontiguousarray(photo[:64, :64])
    weights = np.eye(len(library.models[0].styles), dtype=np.float32)[0]
    with ThreadPoolExecutor(3) as pool:
        painted = list(pool.map(partial(engine.run, weights=weights), [picture] * 6))
    expected = PlainSession(library.models[0].data, CPU).run(picture, weights)
    assert not engine.seconds
    assert len(painted) == 6 and all((image == expected).all() for image in painted)
    assert (engine.provider, engine.provider_reason, engine.num_workers) == ("cpu", "CUDA failed: no room", 1)
    assert capfd.readouterr() == ("", "CPU: CUDA failed: no room\n")
    assert all(session.closed for session in lost)


def test_what_was_asked_for_by_name_is_not_replaced(library: Library) -> None:
    engine = engine_of(library, Small(10))
    engine.provider, engine._auto = "tensorrt", False
    with pytest.raises(EngineError, match="failed on tensorrt: no room; its sides are from 16 to 3840 pixels"):
        engine.run(np.zeros((50, 8, 3), np.uint8), np.zeros(1, np.float32))


def test_lanes_that_do_not_open_are_done_without(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    model, opened = library.models[0], list[int]()
    usual = Way.open

    def open(self: Way, model: Model, threads: int = 0) -> Session:
        opened.append(threads)
        if len(opened) == 3:
            raise MemoryError("no room")
        return usual(self, model, threads)

    monkeypatch.setattr(Way, "open", open)
    monkeypatch.setattr(Way, "num_workers", 3)
    assert Engine(model, "cpu", 3).num_workers == 1 and len(opened) == 3


@pytest.mark.parametrize(("name", "opened"), [("cpu", 1 + 2), ("cuda", 3)])
def test_what_was_tried_is_not_opened_again_where_lanes_share_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch, name: str, opened: int
) -> None:
    made: list[Small] = []

    def open(self: Way, model: Model, threads: int = 0) -> Session:
        made.append(Small(100))
        return made[-1]

    monkeypatch.setattr(Way, "open", open)
    way = Way(name)
    count = 2 if name == "cpu" else way.num_workers
    first = way.open(library.models[0])
    sessions = way.open_workers(library.models[0], count, first)
    assert (len(sessions), len(made)) == (count, opened)
    assert (first in sessions) is (name == "cuda")
