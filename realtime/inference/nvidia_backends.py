"""The execution providers of ONNX Runtime for NVIDIA GPUs: `cuda` and `tensorrt`."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from realtime.inference.backend import GPU_WORKERS, Device
from realtime.inference.onnx_backends import OnnxBackend
from realtime.inference.onnx_runtime import load_cuda, onnxruntime
from realtime.system.hardware import compute_capability, driver_cuda_version, nvidia_gpus
from realtime.system.paths import cache_folder

if TYPE_CHECKING:
    from realtime.inference.session import Session

TURING = (7, 5)  # the lowest compute capability that CUDA 13 supports
# The convolution search that tries most kernels; `benchmarks.cuda` measures the alternatives.
CUDA_OPTIONS = {
    "cudnn_conv_algo_search": "EXHAUSTIVE",
    "cudnn_conv_use_max_workspace": "1",
    "do_copy_in_default_stream": "1",
    "prefer_nhwc": "0",
    "enable_cuda_graph": "1",
}
TENSORRT_OPTIONS = {"trt_fp16_enable": "1", "trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1"}
TENSORRT_SIDES = (16, 3840)  # pixels, the shortest and the longest side that the TensorRT engine is built for

logger = logging.getLogger(__name__)


class CudaBackend(OnnxBackend):
    """CUDA on the first NVIDIA GPU."""

    def find_problem(self) -> str | None:
        """Return why CUDA would not start: no driver, an old driver or GPU, missing libraries. Raises EngineError."""
        if not nvidia_gpus():
            return "no NVIDIA driver found"
        return super().find_problem() or _find_cuda_problem(getattr(onnxruntime(), "cuda_version", ""))

    def devices(self) -> list[Device]:
        """Return the first GPU."""
        return [Device(max_workers=GPU_WORKERS, description=nvidia_gpus()[0] if nvidia_gpus() else "")]

    def provider_options(self, model: bytes) -> Mapping[str, str]:
        """Return the provider's options for that model."""
        return self.options

    def open(self, model: bytes, device: Device, threads: int = 0) -> Session:
        """Load a model in a thread of its own. threads: ignored. Raises what ONNX Runtime raises."""
        from realtime.inference.onnx_session import IoBindingSession, ThreadBoundSession

        options = self.provider_options(model)
        return ThreadBoundSession(partial(IoBindingSession, model, self.execution_provider, options))


class TensorRtBackend(CudaBackend):
    """TensorRT on the first NVIDIA GPU."""

    @property
    def limits(self) -> str:
        """The sides that the TensorRT engine is built for."""
        return "its sides are from {} to {} pixels".format(*TENSORRT_SIDES)

    def find_problem(self) -> str | None:
        """Return what CUDA lacks, or that TensorRT's library is missing. Raises EngineError."""
        return super().find_problem() or (None if _load_tensorrt() else "TensorRT 10 is not installed")

    def provider_options(self, model: bytes) -> Mapping[str, str]:
        """Return the options that make TensorRT build one engine for all sizes and keep it.

        TensorRT builds an engine for each model, which takes minutes. It finds a kept engine by the names of the
        model's inputs and outputs alone, so each model has a cache folder of its own.
        ONNX Runtime refuses profiles that lack an input of TensorRT's part of the graph: the frame, which TensorRT
        can only cast, and in older model files `planes`, the transposed frame. Names of no input do no harm.
        """
        folder = cache_folder() / "tensorrt" / hashlib.sha256(model).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)  # TensorRT does not create nested folders
        if not any(folder.glob("*.engine")):
            logger.info("TensorRT builds its engine, once for this model and GPU: minutes")
        shortest, longest = TENSORRT_SIDES
        sizes = {"min": f"{shortest}x{shortest}", "opt": "480x640", "max": f"{longest}x{longest}"}
        profiles = {f"trt_profile_{name}_shapes": f"frame:{size}x3,planes:1x3x{size}" for name, size in sizes.items()}
        paths = {"trt_engine_cache_path": str(folder), "trt_timing_cache_path": str(folder)}
        return {**self.options, **profiles, **paths}


def _find_cuda_problem(built_for: str) -> str | None:
    """Return why CUDA would not start. built_for: the CUDA version that ONNX Runtime was built for, such as 13.0."""
    major = int(built_for.partition(".")[0] or 0)
    if driver_cuda_version() < major:
        return f"NVIDIA's driver is for CUDA {driver_cuda_version()}, this ONNX Runtime for {major}: update the driver"
    if major >= 13 and compute_capability() < TURING:
        return f"{nvidia_gpus()[0]} is too old for CUDA {major}; onnxruntime-gpu 1.26 is the last for CUDA 12"
    if missing := load_cuda():
        return f"CUDA's libraries are not installed: {', '.join(missing[:2])}{', ...' * (len(missing) > 2)}"
    return None


def _load_tensorrt() -> bool:
    """Load TensorRT's library; the loader does not search the folder where pip installs it, the package does."""
    with suppress(ImportError, OSError):
        import tensorrt_libs  # type: ignore[import-not-found] # noqa: F401
    try:
        ctypes.CDLL("nvinfer_10.dll" if sys.platform == "win32" else "libnvinfer.so.10")
    except OSError:
        return False
    return True


CUDA = CudaBackend(
    "cuda",
    "CUDAExecutionProvider",
    'NVIDIA\'s driver and pip install "realtime-stylize[cuda]"',
    options=CUDA_OPTIONS,
)
TENSORRT = TensorRtBackend(
    "tensorrt",
    "TensorrtExecutionProvider",
    'what cuda needs and pip install "tensorrt-cu13<11"',
    options=TENSORRT_OPTIONS,
)
