"""The table of backends, and which of them `--provider` selects."""

from __future__ import annotations

from realtime.errors import EngineError
from realtime.inference.backend import Backend
from realtime.inference.nvidia_backends import CUDA, TENSORRT
from realtime.inference.onnx_backends import COREML, CPU, DIRECTML
from realtime.inference.openvino_session import OPENVINO

AUTO = "auto"
# Every backend, by its name. `Backend` says how to add one.
BACKENDS: dict[str, Backend] = {backend.name: backend for backend in (CPU, CUDA, TENSORRT, COREML, DIRECTML, OPENVINO)}
# What "auto" tries: the first group that has a working backend wins, and the fastest of that group is used.
AUTO_GROUPS = (("cuda",), ("dml", "openvino", "cpu"))


def backends_for(provider: str) -> list[list[Backend]]:
    """Return the groups of backends to try, in order. provider: "auto" or a key of `BACKENDS`.

    Raises EngineError if it is neither.
    """
    if provider in BACKENDS:
        return [[BACKENDS[provider]]]
    if provider != AUTO:
        raise EngineError(f"--provider {provider}: not one of auto, {', '.join(BACKENDS)}")
    return [[BACKENDS[name] for name in group] for group in AUTO_GROUPS]
