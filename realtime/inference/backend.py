"""The interface of a backend: a runtime, or an execution provider of one, that can run the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from realtime.system.hardware import usable_cores

if TYPE_CHECKING:
    from realtime.inference.session import Session

CPU_WORKERS = 2  # workers on a CPU: two with half of the cores each take 0.8 of the time of one that has all cores
GPU_WORKERS = 3  # workers on an NVIDIA GPU: 591 frames per second at 1920x1080; two reach 442, one 251


@dataclass(frozen=True)
class Device:
    """One device of a backend.

    name: as the backend names it; empty if the backend has only one.
    is_cpu: whether it computes on CPU cores: its workers then share them, and int8 may be faster.
    max_workers: number of concurrent workers that maximises throughput.
    description: the name of the hardware, to tell the user; empty if unknown.
    """

    name: str = ""
    is_cpu: bool = False
    max_workers: int = 1
    description: str = ""


def cpu_device() -> Device:
    """Return the CPU of this machine as a device."""
    return Device("CPU", is_cpu=True, max_workers=min(CPU_WORKERS, usable_cores()))


class Backend(Protocol):
    """A runtime, or an execution provider of one, that can run the network.

    To add a backend:

    1. Write a class with these members. An execution provider of ONNX Runtime needs only an instance of `OnnxBackend`
       or a subclass (onnx_backends.py); another runtime needs a `Session` of its own (openvino_session.py is one).
       Import the runtime inside the methods: every start of the program loads this class, also where the runtime is
       not installed.
    2. Add an instance to `BACKENDS` in providers.py. `--provider NAME`, `--list-providers` and the tests that
       compare backends with each other take it from there.
    3. If `--provider auto` should try it, add its name to `AUTO_GROUPS` in providers.py.
    """

    @property
    def name(self) -> str:
        """The value of `--provider` that selects this backend."""

    @property
    def limits(self) -> str:
        """The image sizes that it refuses, to append to an error message; empty if it takes all."""

    def find_problem(self) -> str | None:
        """Return why this backend cannot work on this machine, or None if it should. Raises EngineError."""

    def install_hint(self) -> str:
        """Return what to install to make this backend available; empty if this system never can have it."""

    def devices(self) -> list[Device]:
        """Return the devices that can run the network; called only where `find_problem` returned None."""

    def open(self, model: bytes, device: Device, threads: int = 0) -> Session:
        """Load a model, the bytes of an ONNX file.

        threads: number of CPU threads, 0 for one per core; ignored by GPUs. Raises what the runtime raises.
        """
