"""Loading ONNX Runtime and its CUDA libraries, and opening its sessions."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import re
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from realtime.errors import EngineError
from realtime.system.hardware import is_restricted, usable_cores
from realtime.system.signals import defer_interrupts

NO_FOLDER = str(Path(os.devnull) / "no-external-data")


def onnxruntime() -> Any:
    """Import and return ONNX Runtime. Raises EngineError with the cause if that fails; else a model would be blamed."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    try:
        with defer_interrupts() if in_main_thread else contextlib.nullcontext():
            import onnxruntime as module
    except ImportError as error:
        hint = "; on Windows install https://aka.ms/vs/17/release/vc_redist.x64.exe" if sys.platform == "win32" else ""
        raise EngineError(f"ONNX Runtime does not start: {error}{hint}") from error
    return module


def forbid_external_data(options: Any) -> None:
    """Let a model that keeps its weights in files beside it fail: it could read any file below the working folder."""
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)


def create_session(
    model: bytes | str, provider: str, options: Mapping[str, str] | None = None, threads: int = 0
) -> Any:
    """Open an InferenceSession on that execution provider.

    model: the file's bytes, or its path. options: the provider's. threads: number of CPU threads, 0 for one per core.
    Raises RuntimeError if the provider does not load, or takes no part of the network.
    """
    ort = onnxruntime()
    settings = ort.SessionOptions()
    settings.log_severity_level = 4  # fatal only: the caller reports the exception in one line
    if threads == 0 and is_restricted():  # ONNX Runtime knows no quotas, and warns where it may not set affinities
        threads = usable_cores()
    settings.intra_op_num_threads = threads
    if isinstance(model, bytes):
        forbid_external_data(settings)
    settings.enable_mem_pattern = False  # a memory plan is a second copy of all tensors of a shape: 700 MB at 4K
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    providers: list[Any] = [(provider, dict(options or {}))]
    providers += ["CUDAExecutionProvider"] if provider == "TensorrtExecutionProvider" else []
    providers += ["CPUExecutionProvider"] if provider != "CPUExecutionProvider" else []
    # ONNX Runtime's own fallback prints a banner to stdout and continues on another provider.
    session = ort.InferenceSession(model, settings, providers=providers, enable_fallback=0)
    if provider not in session.get_providers():
        raise RuntimeError(f"ONNX Runtime cannot load {provider}")
    if hasattr(session, "get_provider_graph_assignment_info"):
        assigned = {part.ep_name for part in session.get_provider_graph_assignment_info()}
        if assigned == {"CPUExecutionProvider"} != {provider}:
            raise RuntimeError("it takes no part of this network")
    return session


@cache
def load_cuda() -> tuple[str, ...]:
    """Load CUDA and cuDNN from pip's packages or from the system; return the names of the missing libraries."""
    ort = onnxruntime()
    ort.set_default_logger_severity(4)  # cuDNN logs an error for every kernel that it tries in vain
    output = io.StringIO()
    if hasattr(ort, "preload_dlls"):
        with contextlib.redirect_stdout(output), contextlib.suppress(Exception):
            ort.preload_dlls()
    # A message with a path is not final: the library is looked for elsewhere afterwards.
    missing = re.findall(r"^Failed to load ([^/\\\s]+): ", output.getvalue(), re.MULTILINE)
    cudnn = "cudnn64_9.dll" if sys.platform == "win32" else "libcudnn.so.9"
    try:
        ctypes.CDLL(cudnn)
    except OSError:
        missing.append(cudnn)
    return tuple(missing)
