"""Running the network: which execution provider, and why that one."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import EngineError
from realtime.frame import Image
from realtime.styles import Model

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "dml": "DmlExecutionProvider",
}
CUDA_HINT = "pip install 'onnxruntime-gpu[cuda,cudnn]'"


class Engine:
    """One model, loaded and ready to paint.

    provider: what was asked for: "auto" or a key of PROVIDERS. After opening, `provider` is the one that
    really runs and `why` says how it came to that. Raises EngineError where the one asked for cannot
    be had; "auto" falls back to the CPU.
    """

    def __init__(self, model: Model, provider: str = "auto") -> None:
        candidates = _candidates(provider)
        reasons: list[str] = []
        for name, why in candidates:
            problem = _problem(name)
            if problem is None:
                session = _open(model, name)
                if session is not None and PROVIDERS[name] in session.get_providers():
                    self.model, self.provider, self._session = model, name, session
                    self.why = "; ".join([*reasons, why] if why else reasons)
                    return
                problem = f"{name.upper()} does not start" + (f"; {CUDA_HINT}" if name == "cuda" else "")
            reasons.append(problem)
        raise EngineError(f"--provider {provider}: {'; '.join(reasons)}; --provider cpu always works")

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Paint one picture.

        image: [H, W, 3] uint8 BGR, H and W multiples of the model's `multiple`.
        weights: [S] float32. Returns [H, W, 3] uint8 BGR.
        """
        try:
            (painted,) = self._session.run(None, {"frame": image, "style": weights})
        except Exception as error:
            raise EngineError(f"{self.model.path.name} failed on {self.provider}: {error}") from error
        result: Image = painted
        return result


def _candidates(provider: str) -> list[tuple[str, str]]:
    """What to try, in order, each with the reason to print if it is the one."""
    if provider in PROVIDERS:
        return [(provider, _device_name(provider) or "as asked for")]
    if provider != "auto":
        raise EngineError(f"--provider {provider}: not one of auto, {', '.join(PROVIDERS)}")
    best = {"darwin": ["coreml"], "win32": ["cuda", "dml"]}.get(sys.platform, ["cuda"])
    return [(name, _device_name(name) or "fastest here") for name in best] + [("cpu", "")]


def _problem(name: str) -> str | None:
    """Why this provider cannot work here, or None where it should."""
    import onnxruntime as ort

    if name in ("cuda", "tensorrt") and not nvidia_gpus():
        return "no NVIDIA driver found"
    if PROVIDERS[name] not in ort.get_available_providers():
        return f"this ONNX Runtime is built without {name.upper()}"
    return None


def _device_name(name: str) -> str:
    return nvidia_gpus()[0] if name in ("cuda", "tensorrt") and nvidia_gpus() else ""


def _open(model: Model, name: str) -> Any:
    """A session, or None where it cannot be created."""
    import onnxruntime as ort

    if name in ("cuda", "tensorrt") and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what went wrong is said in our own words
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    chain = [PROVIDERS[name]] + (["CPUExecutionProvider"] if name != "cpu" else [])
    try:
        return ort.InferenceSession(model.data, options, providers=chain)
    except Exception:
        return None


_gpus: list[str] | None = None


def nvidia_gpus() -> list[str]:
    """The names of the NVIDIA GPUs that the driver shows; empty where there is no driver."""
    global _gpus
    if _gpus is None:
        _gpus = _ask_driver()
    return _gpus


def _ask_driver() -> list[str]:
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int()
        if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return []
        names = []
        for number in range(count.value):
            device, text = ctypes.c_int(), ctypes.create_string_buffer(128)
            cuda.cuDeviceGet(ctypes.byref(device), number)
            cuda.cuDeviceGetName(text, len(text), device)
            names.append(text.value.decode(errors="replace"))
        return names
    except (OSError, AttributeError):
        return []
