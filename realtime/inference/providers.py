"""Places where the network can run: what each needs, whether it is there, and what to do about it."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from realtime.inference.onnx_runtime import load_cuda, onnxruntime
from realtime.inference.onnx_session import CUDA_OPTIONS
from realtime.system.console import say
from realtime.system.hardware import compute_capability, driver_cuda_version, nvidia_gpus
from realtime.system.paths import cache_folder


@dataclass(frozen=True)
class Provider:
    """A place to run: `execution` is ONNX Runtime's name of it, install: what it takes to have it."""

    execution: str
    install: str


PROVIDERS = {
    "cpu": Provider("CPUExecutionProvider", ""),
    "cuda": Provider("CUDAExecutionProvider", 'NVIDIA\'s driver and pip install "realtime-stylize[cuda]"'),
    "tensorrt": Provider("TensorrtExecutionProvider", 'what cuda needs and pip install "tensorrt-cu13<11"'),
    "coreml": Provider("CoreMLExecutionProvider", "pip install onnxruntime"),
    "dml": Provider(
        "DmlExecutionProvider", "pip uninstall onnxruntime-gpu, then pip install onnxruntime-directml in its place"
    ),
    "openvino": Provider("", 'pip install "realtime-stylize[openvino]"'),  # another runtime for the same file
}
GRAPHICS = ("cuda", "tensorrt")  # NVIDIA's
SYSTEMS = {"coreml": ("darwin", "macOS"), "dml": ("win32", "Windows")}
TURING = (7, 5)  # the oldest that CUDA 13 runs on
COREML_OPTIONS = {"ModelFormat": "MLProgram"}  # the older format takes no fp16
TENSORRT_OPTIONS = {"trt_fp16_enable": "1", "trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1"}
TENSORRT_SIDES = (16, 3840)  # pixels, the least and the most: its engine takes no others


def problem_of(name: str) -> str | None:
    """Why this provider cannot work here, or None where it should."""
    if name in SYSTEMS and sys.platform != SYSTEMS[name][0]:
        return f"{SYSTEMS[name][1]} only"
    if name == "openvino":
        return None if importlib.util.find_spec("openvino") is not None else "OpenVINO is not installed"
    ort = onnxruntime()
    if name in GRAPHICS and not nvidia_gpus():
        return "no NVIDIA driver found"
    if PROVIDERS[name].execution not in ort.get_available_providers():
        return f"this ONNX Runtime is built without {name.upper()}"
    if name in GRAPHICS and (problem := _problem_of_cuda(getattr(ort, "cuda_version", ""))):
        return problem
    if name == "tensorrt" and not _loads_tensorrt():
        return "TensorRT 10 is not installed"
    return None


def remedy_of(name: str) -> str:
    """What to install for a provider that cannot be had; nothing where this system never has it."""
    return "" if name in SYSTEMS and sys.platform != SYSTEMS[name][0] else PROVIDERS[name].install


def options_of(name: str, model: bytes) -> Mapping[str, str]:
    """What ONNX Runtime is told about that provider."""
    if name == "tensorrt":
        return _tensorrt_options(model)
    return {"cuda": CUDA_OPTIONS, "coreml": COREML_OPTIONS}.get(name, {})


def _problem_of_cuda(built: str) -> str | None:
    """Why CUDA would not start. built: the version that ONNX Runtime was built with, 13.0."""
    major = int(built.partition(".")[0] or 0)
    if driver_cuda_version() < major:
        return f"NVIDIA's driver is for CUDA {driver_cuda_version()}, this ONNX Runtime for {major}: update the driver"
    if major >= 13 and compute_capability() < TURING:
        return f"{nvidia_gpus()[0]} is too old for CUDA {major}; onnxruntime-gpu 1.26 is the last for CUDA 12"
    if missing := load_cuda():
        return f"CUDA's libraries are not installed: {', '.join(missing[:2])}{', ...' * (len(missing) > 2)}"
    return None


def _loads_tensorrt() -> bool:
    """Load its library: pip puts it where nothing else looks."""
    with suppress(ImportError, OSError):
        import tensorrt_libs  # type: ignore[import-not-found] # noqa: F401
    try:
        ctypes.CDLL("nvinfer_10.dll" if sys.platform == "win32" else "libnvinfer.so.10")
    except OSError:
        return False
    return True


def _tensorrt_options(model: bytes) -> dict[str, str]:
    """TensorRT builds an engine for each model, for minutes: for all sizes at once, and kept.

    It knows a kept engine by the names of inputs and outputs alone, so each model has a folder of its own.
    ONNX Runtime refuses profiles that lack the inputs of TensorRT's part: the frame, which it can only cast, in older
    files `planes`, the frame turned. Names that are none are no harm.
    """
    folder = cache_folder() / "tensorrt" / hashlib.sha256(model).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)  # it makes no folders within folders
    if not any(folder.glob("*.engine")):
        say("TensorRT builds its engine, once for this model and GPU: minutes")
    least, most = TENSORRT_SIDES
    sizes = {"min": f"{least}x{least}", "opt": "480x640", "max": f"{most}x{most}"}
    profiles = {f"trt_profile_{name}_shapes": f"frame:{size}x3,planes:1x3x{size}" for name, size in sizes.items()}
    paths = {"trt_engine_cache_path": str(folder), "trt_timing_cache_path": str(folder)}
    return TENSORRT_OPTIONS | profiles | paths
