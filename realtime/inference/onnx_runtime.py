"""Loading ONNX Runtime and its CUDA libraries, and opening a session."""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from realtime.errors import EngineError

if TYPE_CHECKING:
    pass


def onnxruntime() -> Any:
    """The module. Raises EngineError where it cannot be loaded, saying why: else a model would seem broken."""
    try:
        import onnxruntime as module
    except ImportError as error:
        hint = "; on Windows install https://aka.ms/vs/17/release/vc_redist.x64.exe" if sys.platform == "win32" else ""
        raise EngineError(f"ONNX Runtime does not start: {error}{hint}") from error
    return module


def create_session(
    model: bytes | str, provider: str, options: Mapping[str, str] | None = None, threads: int = 0
) -> Any:
    """A session on that execution provider. threads: of the processor, 0 for one a core.

    Raises RuntimeError where it would run elsewhere.
    """
    ort = onnxruntime()

    settings = ort.SessionOptions()
    settings.log_severity_level = 4  # what went wrong is said in our own words
    settings.intra_op_num_threads = threads
    settings.enable_mem_pattern = False  # the plan for a size is a second copy of all tensors: 700 MB at 4K
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    chain: list[Any] = [(provider, dict(options or {}))]
    chain += ["CUDAExecutionProvider"] if provider == "TensorrtExecutionProvider" else []
    chain += ["CPUExecutionProvider"] if provider != "CPUExecutionProvider" else []
    # Its own fall-back prints a banner to stdout, and goes on elsewhere under the same name.
    session = ort.InferenceSession(model, settings, providers=chain, enable_fallback=0)
    if provider not in session.get_providers():
        raise RuntimeError(f"ONNX Runtime cannot load {provider}")
    if hasattr(session, "get_provider_graph_assignment_info"):
        takers = {part.ep_name for part in session.get_provider_graph_assignment_info()}
        if takers == {"CPUExecutionProvider"} != {provider}:
            raise RuntimeError("it takes no part of this network")
    return session


@cache
def load_cuda() -> tuple[str, ...]:
    """Load CUDA and cuDNN from the packages that pip installs, or from the system; what is not there, by its name."""
    ort = onnxruntime()
    ort.set_default_logger_severity(4)  # cuDNN says an error for every kernel that it tries in vain
    said = io.StringIO()
    if hasattr(ort, "preload_dlls"):
        with contextlib.redirect_stdout(said), contextlib.suppress(Exception):
            ort.preload_dlls()
    missing = re.findall(
        r"^Failed to load ([^/\\\s]+): ", said.getvalue(), re.MULTILINE
    )  # with a path it is tried again
    cudnn = "cudnn64_9.dll" if sys.platform == "win32" else "libcudnn.so.9"
    try:
        ctypes.CDLL(cudnn)
    except OSError:
        missing.append(cudnn)
    return tuple(missing)
