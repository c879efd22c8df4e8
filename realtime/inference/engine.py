"""Running one model with the backend that was asked for or is fastest here, and falling back when it fails."""

from __future__ import annotations

import logging
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING

from realtime.errors import EngineError
from realtime.inference.model import Model
from realtime.inference.onnx_backends import CPU
from realtime.inference.providers import AUTO, BACKENDS, backends_for
from realtime.inference.selection import Selection, candidates_for, select_fastest, shorten
from realtime.inference.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from realtime.frame import Image

logger = logging.getLogger(__name__)


class Engine:
    """A model, loaded and ready to run in up to `num_workers` threads at once; further threads wait.

    provider: "auto" or a key of `BACKENDS`. After opening, the attribute `provider` is the one that runs, and
    `provider_reason` says why. "auto" uses NVIDIA's GPU if there is one, else the fastest candidate, which is
    measured once and kept for the next start.
    num_workers: maximum number of sessions that run at once; the property `num_workers` is the actual number.
    seconds: what an image of autotune.TRIAL_SIZE took, 0 if there was nothing to compare.
    Raises EngineError if the provider asked for is not available. "auto" falls back to the CPU, also if its provider
    fails later.
    """

    def __init__(self, model: Model, provider: str = AUTO, num_workers: int = 1) -> None:
        # The model itself is not kept: where nothing else refers to it, the stylizer drops the engine.
        self._data, self._file_name, self._auto = model.data, model.path.name, provider == AUTO
        selection, reasons = self._select(model, provider)
        candidate = selection.candidate
        self.provider, self.seconds = candidate.backend.name, selection.seconds
        parts = [*reasons, candidate.device.description, selection.note]
        self.provider_reason = "; ".join(part for part in parts if part) or "as asked for"
        count = min(num_workers, candidate.device.max_workers)
        self._sessions = candidate.open_workers(model, count, selection.session)
        self._sessions_lock = Lock()
        self._idle: SimpleQueue[Session] = SimpleQueue()
        for session in self._sessions:
            self._idle.put(session)

    def _select(self, model: Model, provider: str) -> tuple[Selection, list[str]]:
        """Return the selected candidate, opened, and why the groups of backends before it were passed over."""
        reasons: list[str] = []
        for backends in backends_for(provider):
            problems = [backend.find_problem() for backend in backends]
            candidates = [
                candidate
                for backend, problem in zip(backends, problems, strict=True)
                if problem is None
                for candidate in candidates_for(backend, model, int8=self._auto)
            ]
            failures: list[str] = []
            selection = select_fastest(candidates, model, failures) if candidates else None
            if selection is not None:
                return selection, reasons
            # Report only the default provider's problem; the optional ones are usually not installed.
            reasons += failures or [problem for problem in problems[-1:] if problem]
        hint = BACKENDS[provider].install_hint() if provider in BACKENDS else ""
        parts = [*reasons, *([f"to have it: {hint}"] if hint else []), "--provider cpu always works"]
        raise EngineError(f"--provider {provider}: {'; '.join(parts)}")

    @property
    def num_workers(self) -> int:
        """Number of threads that can run the model at once."""
        return len(self._sessions)

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Stylize one image.

        image: [H, W, 3] uint8 BGR, H and W multiples of the model's `multiple`. weights: [S] float32, one per style.
        Returns [H, W, 3] uint8 BGR. Raises EngineError.
        """
        while True:
            # Counted before the run: if this session fails beside others, memory may have been too small for all of
            # them, and the last one is tried again alone. Only a failure of a session alone is final.
            sessions_before = len(self._sessions)
            session = self._idle.get()  # not every runtime lets two threads run one session
            try:
                stylized = session.run(image, weights)
                if stylized.shape != image.shape:
                    raise ValueError(f"the result is {stylized.shape}, the image {image.shape}")
                return stylized
            except Exception as error:
                if sessions_before == 1 and not self._fall_back_to_cpu(error):
                    raise self._failure(error) from error
                self._drop(session)
            finally:
                if session in self._sessions:
                    self._idle.put(session)
                del session

    def _drop(self, session: Session) -> None:
        """Remove a session that failed, unless it is the last: memory may hold fewer large images than workers."""
        with self._sessions_lock:
            if len(self._sessions) == 1:
                return
            self._sessions.remove(session)
        with suppress(Exception):  # a GPU that was lost fails here as well
            session.close()

    def _fall_back_to_cpu(self, error: Exception) -> bool:
        """Fall back to the CPU if the provider was chosen automatically; a GPU can disappear (suspend, driver reset).

        error: why the last session failed. Returns False if there is no fallback: the provider was chosen by name, or
        already is the CPU, or the CPU fails too.
        """
        if not self._auto or self.provider == CPU.name:
            return False
        try:
            (device,) = CPU.devices()
            session = CPU.open(self._data, device)
        except Exception:
            return False
        with self._sessions_lock:
            self._sessions.append(session)
            self._idle.put(session)
        self.provider_reason = f"{self.provider.upper()} failed: {shorten(error)}"
        self.provider, self.seconds = CPU.name, 0.0  # the time was measured with the other provider
        logger.warning("CPU: %s", self.provider_reason)
        return True

    def _failure(self, error: Exception) -> EngineError:
        limits = BACKENDS[self.provider].limits
        message = f"{self._file_name} failed on {self.provider}: {shorten(error)}"
        return EngineError(f"{message}; {limits}" if limits else message)

    def close(self) -> None:
        """Free the sessions, none of which may be running."""
        for session in self._sessions:
            with suppress(Exception):  # a GPU that was lost fails here as well
                session.close()

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Compile for images of that shape, [H, W, 3], while other threads run the model. Raises EngineError."""
        try:
            for session in self._sessions:
                session.prepare(shape)
        except Exception as error:
            raise self._failure(error) from error
