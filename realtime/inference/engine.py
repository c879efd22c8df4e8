"""Running the network: which execution provider, and why that one."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from realtime.errors import EngineError
from realtime.frame import Image
from realtime.inference import autotune
from realtime.inference.model import Model
from realtime.inference.onnx_session import BoundSession, OwnThread, PlainSession
from realtime.inference.openvino_session import OpenVinoSession, openvino_devices
from realtime.inference.providers import GRAPHICS, PROVIDERS, TENSORRT_SIDES, options_of, problem_of, remedy_of
from realtime.inference.session import Session
from realtime.system.console import say
from realtime.system.hardware import has_int8_instructions, nvidia_gpus, physical_cores

MOST_SAID = 160  # letters of a runtime's own words
ROUNDED = 1.15  # int8 has to be that many times as fast as what computes exactly


@dataclass(frozen=True)
class Way:
    """One way to run a model. name: the provider; device: OpenVINO's; int8: with the int8 sibling of the file."""

    name: str
    device: str = ""
    int8: bool = False

    @property
    def label(self) -> str:
        """What people read."""
        return " ".join([self.name, *([self.device] if self.device not in ("", "CPU") else []), *["int8"] * self.int8])

    @property
    def num_workers(self) -> int:
        """How many pictures at once are painted sooner than one after the other."""
        if self.name == "cpu" or self.device == "CPU":
            return min(2, physical_cores())
        return 3 if self.name in GRAPHICS else 1

    def open_workers(self, model: Model, count: int, first: Session) -> list[Session]:
        """Sessions that share the machine: so many, or as many as open; on a processor each with its share of cores.

        first: one that has all of it.
        """
        sessions = [first] if count == 1 or self.name in GRAPHICS else []
        with suppress(Exception):  # whatever the runtime raises, for want of memory
            while len(sessions) < count:
                sessions.append(self.open(model, physical_cores() // count))
        return sessions or [first]

    def open(self, model: Model, threads: int = 0) -> Session:
        """Load the model. threads: of the processor, 0 for one a core. Raises whatever the runtime raises."""
        data = model.int8 if self.int8 and model.int8 is not None else model.data
        if self.name == "openvino":
            return OpenVinoSession(data, self.device, threads)
        execution, options = PROVIDERS[self.name].execution, options_of(self.name, data)
        if self.name in GRAPHICS:
            return OwnThread(partial(BoundSession, data, execution, options))
        return PlainSession(data, execution, threads, options)


class Engine:
    """One model, loaded and ready to paint; for as many threads at once as there are num_workers, the others wait.

    provider: what was asked for: "auto" or a key of PROVIDERS. After opening, `provider` is the one that
    really runs and `provider_reason` says how it came to that. "auto" takes NVIDIA's GPU where there is one, else
    the fastest way, which it finds out by trying and remembers.
    num_workers: pictures painted at once, at most; `num_workers` is how many it has become. seconds: that a picture of
    autotune.SIZE
    took, if several ways were tried, else 0.
    Raises EngineError where the one asked for cannot be had; "auto" falls back to the CPU, also when what it took
    fails later.
    """

    def __init__(self, model: Model, provider: str = "auto", num_workers: int = 1) -> None:
        self.model, self._auto = model, provider == "auto"
        self._free: SimpleQueue[Session] = SimpleQueue()
        self._counting = Lock()  # of `_sessions`
        reasons: list[str] = []
        for names in _groups(provider):
            problems = {name: problem_of(name) for name in names}
            ways = [way for name in names if problems[name] is None for way in ways_of(name, model, provider)]
            failures: list[str] = []
            found = _fastest(ways, model, failures) if ways else None
            if found is not None:
                way, session, self.seconds, note = found
                self.provider = way.name
                self._sessions = way.open_workers(model, min(num_workers, way.num_workers), session)
                for one in self._sessions:
                    self._free.put(one)
                gpu = nvidia_gpus()[:1] if way.name in GRAPHICS else ()
                self.provider_reason = "; ".join([*reasons, *gpu, *note]) or "as asked for"
                return
            # Of several that would do, the last is the usual one: what the others lack is no news.
            reasons += failures or [problem for name in names[-1:] if (problem := problems[name])]
        remedy = remedy_of(provider) if provider in PROVIDERS else ""
        parts = [*reasons, *([f"to have it: {remedy}"] if remedy else []), "--provider cpu always works"]
        raise EngineError(f"--provider {provider}: {'; '.join(parts)}")

    @property
    def num_workers(self) -> int:
        """How many pictures are painted at once."""
        return len(self._sessions)

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Paint one picture.

        image: [H, W, 3] uint8 BGR, H and W multiples of the model's `multiple`.
        weights: [S] float32. Returns [H, W, 3] uint8 BGR.
        """
        while True:
            there = len(self._sessions)
            session = self._free.get()  # not every runtime paints for two threads at once
            try:
                return session.run(image, weights)
            except Exception as error:
                if there == 1 and not self._fall_back(session, error):
                    raise self._failure(error) from error
                self._give_up(session)
            finally:
                if session in self._sessions:
                    self._free.put(session)
                del session

    def _give_up(self, session: Session) -> None:
        """Paint on with the others, if there are any: large pictures may not fit into memory several times."""
        with self._counting:
            if len(self._sessions) == 1:
                return
            self._sessions.remove(session)
        with suppress(Exception):  # a GPU that is lost
            session.close()

    def _fall_back(self, session: Session, error: Exception) -> bool:
        """Paint on with the processor, where it was "auto" that took what fails now: GPUs sleep, and get lost."""
        if not self._auto or self.provider == "cpu":
            return False
        try:
            processor = Way("cpu").open(self.model)
        except Exception:
            return False
        with self._counting:
            self._sessions.append(processor)
            self._free.put(processor)
        self.provider_reason = f"{self.provider.upper()} failed: {_short(error)}"
        self.provider, self.seconds = "cpu", 0.0  # what was measured is gone
        say(f"CPU: {self.provider_reason}")
        return True

    def _failure(self, error: Exception) -> EngineError:
        sides = "; its sides are from {} to {} pixels".format(*TENSORRT_SIDES) if self.provider == "tensorrt" else ""
        return EngineError(f"{self.model.path.name} failed on {self.provider}: {_short(error)}{sides}")

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Make ready for pictures of that shape, [H, W, 3], while other threads paint. Raises EngineError."""
        try:
            for session in self._sessions:
                session.prepare(shape)
        except Exception as error:
            raise self._failure(error) from error


def _groups(provider: str) -> list[list[str]]:
    """Providers to try: the first group that has one wins, within a group the fastest."""
    if provider in PROVIDERS:
        return [[provider]]
    if provider != "auto":
        raise EngineError(f"--provider {provider}: not one of auto, {', '.join(PROVIDERS)}")
    return [["cuda"], [*(["dml"] if sys.platform == "win32" else []), "openvino", "cpu"]]


def ways_of(name: str, model: Model, provider: str) -> list[Way]:
    """How to run on that provider. int8 is a choice of "auto" alone: a provider by its name computes exactly."""
    rounded = [False, True] if provider == "auto" and model.int8 is not None and has_int8_instructions() else [False]
    if name == "openvino":
        devices = openvino_devices()
        return [Way(name, device, int8) for device in devices for int8 in (rounded if device == "CPU" else [False])]
    return [Way(name, int8=int8) for int8 in (rounded if name == "cpu" else [False])]


def _fastest(ways: list[Way], model: Model, failures: list[str]) -> tuple[Way, Session, float, list[str]] | None:
    """The fastest way, opened, its seconds, and what to say of it; None, and why, where not one of them opens."""
    if len(ways) == 1:
        session = _open(ways[0], model, failures)
        return None if session is None else (ways[0], session, 0.0, [])
    by_label = {way.label: way for way in ways}
    known = autotune.key([model.data, model.int8 or b""], list(by_label))
    seconds = autotune.recall(known)
    if seconds is not None and set(seconds) <= set(by_label):
        way = _choose(by_label, seconds)
        session = _open(way, model, [])
        if session is not None:
            return way, session, seconds[way.label], [_note(way, seconds)]
    said: dict[str, list[str]] = {label: [] for label in by_label}
    with ThreadPoolExecutor(2) as pool:  # they compile on one core each
        opened = list(pool.map(lambda way: _open(way, model, said[way.label]), ways))
    sessions = {way.label: session for way, session in zip(ways, opened, strict=True) if session is not None}
    failures += [line for way in ways for line in said[way.label]]

    def tried(some: list[Way]) -> dict[str, float]:
        there = [way.label for way in some if way.label in sessions]
        return autotune.compare({label: _painting(sessions[label], model) for label in there})

    exact = [way for way in ways if not way.int8]
    seconds = tried(exact)
    if not seconds:
        return None
    near = [way for way in exact if seconds.get(way.label, math.inf) < autotune.SLOWER * min(seconds.values())]
    rounded = [way for way in ways if way.int8 and replace(way, int8=False) in near]
    if rounded:  # those of ways that are far behind are not tried
        seconds |= tried([*near, *rounded])
    autotune.remember(known, seconds)
    way = _choose(by_label, seconds)
    return way, sessions[way.label], seconds[way.label], [_note(way, seconds)]


def _open(way: Way, model: Model, failures: list[str]) -> Session | None:
    """The way, opened and run once, or None, and why."""
    try:
        session = way.open(model)
        _painting(session, model)()
    except Exception as error:
        failures.append(f"{way.label.upper()} does not start: {_short(error)}")
        return None
    return session


def _short(error: Exception) -> str:
    """What a runtime says, without the pages that some add to it."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return line if len(line) <= MOST_SAID else line[: MOST_SAID - 3] + "..."


def _painting(session: Session, model: Model) -> Callable[[], object]:
    """Paints a grey picture; how long it takes does not depend on what is in it."""
    image = np.full((*autotune.SIZE, 3), 128, np.uint8)
    weights = np.full(len(model.styles), 1 / len(model.styles), np.float32)
    return lambda: session.run(image, weights)


def _choose(ways: dict[str, Way], seconds: dict[str, float]) -> Way:
    """The fastest, where int8 pays for its rounding."""
    return min((ways[label] for label in seconds), key=lambda w: seconds[w.label] * (ROUNDED if w.int8 else 1))


def _note(way: Way, seconds: dict[str, float]) -> str:
    others = ", ".join(f"{label} {1000 * value:.0f}" for label, value in seconds.items() if label != way.label)
    return f"fastest here: {'int8, ' * way.int8}{1000 * seconds[way.label]:.0f} ms" + (f" ({others})" if others else "")
