"""Selecting the fastest way to run a model here: backend, device, and the unquantized (fp16) or the int8 file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from realtime.inference import autotune
from realtime.inference.backend import Backend, Device
from realtime.inference.model import Model
from realtime.inference.session import Session
from realtime.system.hardware import has_int8_instructions, usable_cores

MAX_ERROR_LENGTH = 160  # characters of a runtime's error message
MIN_INT8_SPEEDUP = 1.15  # int8 is used only if it is this many times as fast as the unquantized model


@dataclass(frozen=True)
class Candidate:
    """One way to run a model: a device of a backend, with the unquantized model or its int8 sibling."""

    backend: Backend
    device: Device
    int8: bool = False

    @property
    def label(self) -> str:
        """The words for users, and the key in autotune's cache: "cpu", "openvino GPU.0", "openvino int8"."""
        device = "" if self.device.is_cpu else self.device.name
        return " ".join(word for word in (self.backend.name, device, "int8" * self.int8) if word)

    def open(self, model: Model, threads: int = 0) -> Session:
        """Load the model. threads: number of CPU threads, 0 for one per core. Raises what the runtime raises."""
        data = model.int8 if self.int8 and model.int8 is not None else model.data
        return self.backend.open(data, self.device, threads)

    def open_workers(self, model: Model, count: int, first: Session) -> list[Session]:
        """Return up to `count` sessions that run at once, fewer if memory runs out; on a CPU they divide the cores.

        first: an open session. On a CPU it uses all cores, so it is returned only if it is the only session; on other
        devices it is one of the sessions.
        """
        sessions = [first] if count == 1 or not self.device.is_cpu else []
        with suppress(Exception):  # runtimes raise various exceptions when memory runs out
            while len(sessions) < count:
                sessions.append(self.open(model, usable_cores() // count))
        return sessions or [first]


@dataclass(frozen=True)
class Selection:
    """The selected candidate with its open session.

    seconds: what an image of autotune.TRIAL_SIZE took, 0 if there was only one candidate. note: the measured times,
    for users; empty if there are none.
    """

    candidate: Candidate
    session: Session
    seconds: float = 0.0
    note: str = ""


def may_use_int8(model: Model, device: Device) -> bool:
    """Tell whether int8 is worth a trial: the model has an int8 sibling, and the CPU has instructions for it.

    Called for `--provider auto` only: a provider chosen by name runs the unquantized model. `pick_fastest` decides
    whether int8 has won the trial.
    """
    return device.is_cpu and model.int8 is not None and has_int8_instructions()


def pick_fastest(candidates: Sequence[Candidate], seconds: dict[str, float]) -> Candidate:
    """Return the fastest candidate; int8 only if it is MIN_INT8_SPEEDUP times as fast as the unquantized model.

    A smaller gain is not worth the loss: the PSNR of int8 images against those of fp32 is 46.8 dB on average, 39.0 at
    worst.
    seconds: of each candidate that was measured, by its label.
    """
    measured = [candidate for candidate in candidates if candidate.label in seconds]
    return min(measured, key=lambda c: seconds[c.label] * (MIN_INT8_SPEEDUP if c.int8 else 1))


def candidates_for(backend: Backend, model: Model, *, int8: bool) -> list[Candidate]:
    """Return the candidates of a backend that works here. int8: whether int8 is among them, where it may be faster."""
    return [
        Candidate(backend, device, use_int8)
        for device in backend.devices()
        for use_int8 in ([False, True] if int8 and may_use_int8(model, device) else [False])
    ]


def select_fastest(candidates: list[Candidate], model: Model, failures: list[str]) -> Selection | None:
    """Return the fastest candidate, opened; None if not one opens, and then `failures` receives the reasons.

    The times are measured once and kept for the next start.
    """
    if len(candidates) == 1:
        session = _open_and_run(candidates[0], model, failures)
        return None if session is None else Selection(candidates[0], session)
    seconds = _load_trial(candidates, model)
    if seconds:
        fastest = pick_fastest(candidates, seconds)
        session = _open_and_run(fastest, model, [])
        if session is not None:
            return Selection(fastest, session, seconds[fastest.label], _describe_trial(fastest, seconds))
    sessions = _open_all(candidates, model, failures)
    seconds = _measure(candidates, sessions, model)
    if not seconds:
        return None
    autotune.save_trial(trial_key(candidates, model), seconds)
    fastest = pick_fastest(candidates, seconds)
    note = _describe_trial(fastest, seconds)
    return Selection(fastest, sessions[fastest.label], seconds[fastest.label], note)


def trial_key(candidates: list[Candidate], model: Model, *, int8: bool | None = None) -> str:
    """Return the key of a trial in autotune's cache. int8: whether int8 took part, by default whether it can.

    It is one key for all models with the same convolutions: the time does not depend on their styles.
    """
    int8 = any(candidate.int8 for candidate in candidates) if int8 is None else int8
    network = model.trunk_digest.encode() or model.data
    labels = [candidate.label for candidate in candidates if not candidate.int8]
    return autotune.cache_key([network, b"int8" if int8 else b""], labels)


def _load_trial(candidates: list[Candidate], model: Model) -> dict[str, float] | None:
    """Return the seconds of an earlier trial; a model without int8 sibling takes a trial with int8 too."""
    labels = {candidate.label for candidate in candidates}
    seconds = autotune.load_trial(trial_key(candidates, model))
    if seconds is None and not any(candidate.int8 for candidate in candidates):
        with_int8 = autotune.load_trial(trial_key(candidates, model, int8=True)) or {}
        return {label: value for label, value in with_int8.items() if label in labels}
    return seconds if seconds is not None and seconds.keys() <= labels else None


def shorten(error: Exception) -> str:
    """Return the first line of a runtime's error message, cut to MAX_ERROR_LENGTH characters."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return line if len(line) <= MAX_ERROR_LENGTH else line[: MAX_ERROR_LENGTH - 3] + "..."


def _measure(candidates: list[Candidate], sessions: dict[str, Session], model: Model) -> dict[str, float]:
    """Return the seconds of each open candidate; int8 is measured only where the unquantized model is not slow."""

    def measure(some: list[Candidate]) -> dict[str, float]:
        labels = [candidate.label for candidate in some if candidate.label in sessions]
        return autotune.measure_seconds({label: _trial_run(sessions[label], model) for label in labels})

    unquantized = [candidate for candidate in candidates if not candidate.int8]
    seconds = measure(unquantized)
    slow = autotune.SLOW_FACTOR * min(seconds.values(), default=math.inf)
    near = [candidate for candidate in unquantized if seconds.get(candidate.label, math.inf) < slow]
    int8 = [candidate for candidate in candidates if candidate.int8 and replace(candidate, int8=False) in near]
    return seconds | measure([*near, *int8]) if int8 else seconds


def _open_all(candidates: list[Candidate], model: Model, failures: list[str]) -> dict[str, Session]:
    """Open the candidates, two at a time because each compiles on one core; return the sessions by label."""
    reasons: dict[str, list[str]] = {candidate.label: [] for candidate in candidates}
    with ThreadPoolExecutor(2) as pool:
        opened = list(pool.map(lambda c: _open_and_run(c, model, reasons[c.label]), candidates))
    failures += [line for lines in reasons.values() for line in lines]
    return {c.label: session for c, session in zip(candidates, opened, strict=True) if session is not None}


def _open_and_run(candidate: Candidate, model: Model, failures: list[str]) -> Session | None:
    """Open a candidate and run it once; return None if that fails, and then `failures` receives the reason."""
    try:
        session = candidate.open(model)
        _trial_run(session, model)()
    except Exception as error:
        failures.append(f"{candidate.label.upper()} does not start: {shorten(error)}")
        return None
    return session


def _trial_run(session: Session, model: Model) -> Callable[[], object]:
    """Return a function that stylizes a grey image; the time does not depend on what an image shows."""
    image = np.full((*autotune.TRIAL_SIZE, 3), 128, np.uint8)
    weights = np.full(len(model.styles), 1 / len(model.styles), np.float32)
    return lambda: session.run(image, weights)


def _describe_trial(fastest: Candidate, seconds: dict[str, float]) -> str:
    others = ", ".join(f"{label} {1000 * value:.0f}" for label, value in seconds.items() if label != fastest.label)
    milliseconds = f"{'int8, ' * fastest.int8}{1000 * seconds[fastest.label]:.0f} ms"
    return f"fastest here: {milliseconds}" + (f" ({others})" if others else "")
