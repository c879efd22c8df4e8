"""Running the network: which execution provider, and why that one."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from realtime.errors import EngineError
from realtime.frame import Image
from realtime.styles import Model

Run = Callable[[Image, NDArray[np.float32]], Image]

# ONNX Runtime's execution providers; "openvino" is another runtime that reads the same file.
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

    provider: what was asked for: "auto", "openvino" or a key of PROVIDERS. After opening, `provider` is the one
    that really runs and `why` says how it came to that. Raises EngineError where the one asked for cannot
    be had; "auto" falls back to the CPU.
    """

    def __init__(self, model: Model, provider: str = "auto") -> None:
        reasons: list[str] = []
        for name in _candidates(provider):
            problem = _problem(name)
            if problem is None:
                run = _open_openvino(model) if name == "openvino" else _open_onnxruntime(model, name)
                if run is not None:
                    self.model, self.provider, self._run = model, name, run
                    self.why = "; ".join([*reasons, *_device(name, provider)])
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
            return self._run(image, weights)
        except Exception as error:
            raise EngineError(f"{self.model.path.name} failed on {self.provider}: {error}") from error


def _candidates(provider: str) -> list[str]:
    """What to try, in order."""
    if provider in PROVIDERS or provider == "openvino":
        return [provider]
    if provider != "auto":
        raise EngineError(f"--provider {provider}: not one of auto, openvino, {', '.join(PROVIDERS)}")
    return [*{"darwin": ["coreml"], "win32": ["cuda", "dml"]}.get(sys.platform, ["cuda"]), "cpu"]


def providers() -> list[tuple[str, str | None]]:
    """Every provider, and why it cannot be had here, or None where it should work."""
    return [(name, _problem(name)) for name in [*PROVIDERS, "openvino"]]


def _problem(name: str) -> str | None:
    """Why this provider cannot work here, or None where it should."""
    if name == "openvino":
        found = importlib.util.find_spec("openvino") is not None
        return None if found else "OpenVINO is not installed; pip install 'realtime-stylize[openvino]'"
    import onnxruntime as ort

    if name in ("cuda", "tensorrt") and not nvidia_gpus():
        return "no NVIDIA driver found"
    if PROVIDERS[name] not in ort.get_available_providers():
        return f"this ONNX Runtime is built without {name.upper()}"
    return None


def _device(name: str, asked: str) -> list[str]:
    """What to say of a provider that runs."""
    if name in ("cuda", "tensorrt"):
        return nvidia_gpus()[:1]
    return [] if asked == "auto" and name == "cpu" else ["fastest here" if asked == "auto" else "as asked for"]


def _open_onnxruntime(model: Model, name: str) -> Run | None:
    """A session on that provider, or None where it cannot be created."""
    import onnxruntime as ort

    if name in ("cuda", "tensorrt") and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what went wrong is said in our own words
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    chain = [PROVIDERS[name]] + (["CPUExecutionProvider"] if name != "cpu" else [])
    try:
        session = ort.InferenceSession(model.data, options, providers=chain)
    except Exception:
        return None
    if PROVIDERS[name] not in session.get_providers():  # it falls back without an error
        return None

    def run(image: Image, weights: NDArray[np.float32]) -> Image:
        painted: Image = session.run(None, {"frame": image, "style": weights})[0]
        return painted

    return run


def _open_openvino(model: Model) -> Run | None:
    """The model compiled for OpenVINO's own choice of device, in bf16 where the processor has it."""
    import openvino

    try:
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(model.data), "AUTO", {"PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
    except Exception:
        return None

    def run(image: Image, weights: NDArray[np.float32]) -> Image:
        painted: Image = request.infer({"frame": image, "style": weights})[0]
        return painted.copy()  # the next picture is painted into the same memory

    return run


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
