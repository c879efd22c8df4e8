"""The execution providers of ONNX Runtime for CPUs, Apple's devices and DirectX 12: `cpu`, `coreml`, `dml`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from realtime.inference.backend import Device, cpu_device
from realtime.inference.onnx_runtime import onnxruntime

if TYPE_CHECKING:
    from realtime.inference.session import Session

SYSTEM_NAMES = {"darwin": "macOS", "win32": "Windows"}  # by `sys.platform`


@dataclass(frozen=True)
class OnnxBackend:
    """An execution provider of ONNX Runtime.

    execution_provider: ONNX Runtime's name for it. install: what makes it available. system: the only value of
    `sys.platform` that has it, empty for all. options: the provider's options.
    """

    name: str
    execution_provider: str
    install: str = ""
    system: str = ""
    options: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def limits(self) -> str:
        """Empty: images of all sizes can be stylized."""
        return ""

    def find_problem(self) -> str | None:
        """Return why this provider cannot work here: the wrong system, or a build without it. Raises EngineError."""
        if self.system and sys.platform != self.system:
            return f"{SYSTEM_NAMES[self.system]} only"
        if self.execution_provider not in onnxruntime().get_available_providers():
            return f"this ONNX Runtime is built without {self.name.upper()}"
        return None

    def install_hint(self) -> str:
        """Return what to install; empty on a system that never has this provider."""
        return "" if self.system and sys.platform != self.system else self.install

    def devices(self) -> list[Device]:
        """Return the one device that ONNX Runtime chooses."""
        return [Device()]

    def open(self, model: bytes, device: Device, threads: int = 0) -> Session:
        """Load a model. threads: number of CPU threads, 0 for one per core. Raises what ONNX Runtime raises."""
        from realtime.inference.onnx_session import OnnxSession

        return OnnxSession(model, self.execution_provider, threads, self.options)


class CpuBackend(OnnxBackend):
    """ONNX Runtime on the CPU, which every machine has."""

    def devices(self) -> list[Device]:
        """Return the CPU."""
        return [cpu_device()]


CPU = CpuBackend("cpu", "CPUExecutionProvider")
COREML = OnnxBackend(
    "coreml",
    "CoreMLExecutionProvider",
    "pip install onnxruntime",
    system="darwin",
    options={"ModelFormat": "MLProgram"},  # the older format has no fp16
)
DIRECTML = OnnxBackend(
    "dml",
    "DmlExecutionProvider",
    "pip uninstall onnxruntime-gpu, then pip install onnxruntime-directml in its place",
    system="win32",
)
