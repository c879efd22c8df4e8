"""OpenVINO, a second runtime for the same model file: bf16 on CPUs that have it, and Intel's GPUs."""

from __future__ import annotations

import importlib.util
import sys
from collections import OrderedDict
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from realtime.inference.backend import Device, cpu_device
from realtime.system.hardware import is_restricted, usable_cores
from realtime.system.paths import cache_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from realtime.frame import Image
    from realtime.inference.session import Session

MAX_COMPILED_SIZES = 4  # image sizes whose compiled network is kept
MAX_COMPILED_PIXELS = 4 << 20  # pixels of all kept sizes beyond the last two; each takes about 100 bytes a pixel
_TELEMETRY = "openvino_telemetry"


@cache
def core() -> Any:
    """Return OpenVINO's Core, without its telemetry, which would send an event to its makers at every start.

    Use one Core per process: overlapping Cores leave a freed sigaltstack behind, and the next SIGINT segfaults.
    """
    telemetry = sys.modules.get(_TELEMETRY)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # makes its import fail, which OpenVINO expects
    try:
        import openvino
    finally:
        del sys.modules[_TELEMETRY]
        if telemetry is not None:
            sys.modules[_TELEMETRY] = telemetry
    return openvino.Core()


class OpenVinoBackend:
    """OpenVINO on the CPU and on Intel's GPUs."""

    name = "openvino"
    limits = ""

    def find_problem(self) -> str | None:
        """Return that OpenVINO is not installed, or None if it is."""
        return None if importlib.util.find_spec("openvino") is not None else "OpenVINO is not installed"

    def install_hint(self) -> str:
        """Return what to install."""
        return 'pip install "realtime-stylize[openvino]"'

    def devices(self) -> list[Device]:
        """Return the CPU first, then Intel's GPUs."""
        names = core().available_devices
        gpus = [Device(name) for name in names if name.startswith("GPU")]
        return ([cpu_device()] if "CPU" in names else []) + gpus

    def open(self, model: bytes, device: Device, threads: int = 0) -> Session:
        """Load a model. threads: number of CPU threads, 0 for as many as OpenVINO prefers."""
        return OpenVinoSession(model, device.name, threads)


OPENVINO = OpenVinoBackend()


class OpenVinoSession:
    """A model on one device of OpenVINO. The network is compiled for each image size, in about 0.1 s.

    Compiled for sizes that are unknown beforehand it takes 1.4 times as long: every normalization then converts to
    another memory layout than that of the convolutions, and back.
    """

    def __init__(self, model: bytes, device: str = "CPU", threads: int = 0) -> None:
        """Read a model. threads: number of CPU threads, 0 for as many as OpenVINO prefers."""
        self._core = core()
        self._model = self._core.read_model(model)
        if threads == 0 and device == "CPU" and is_restricted():  # OpenVINO knows no quotas
            threads = usable_cores()
        self._device, self._threads = device, threads
        self._requests: OrderedDict[tuple[int, ...], Any] = (
            OrderedDict()
        )  # compiled networks by image shape, the last used one last
        self._requests_lock = Lock()

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Stylize one image: [H, W, 3] uint8, [S] float32 -> [H, W, 3] uint8, a new array."""
        request = self._request(image.shape)
        stylized: Image = request.infer({"frame": image, "style": weights}, share_inputs=True)[0]
        return stylized

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Compile for images of that shape, [H, W, 3]; another thread may call `run` meanwhile."""
        self._request(shape)

    def close(self) -> None:
        """No-op: garbage collection releases it."""

    def _request(self, shape: tuple[int, ...]) -> Any:
        """Return the compiled network for that shape, and drop those that have not been used for the longest time."""
        with self._requests_lock:
            request = self._requests.get(shape)
        if request is None:
            request = self._compile(shape)
        with self._requests_lock:
            self._requests[shape] = request
            self._requests.move_to_end(shape)
            while len(self._requests) > MAX_COMPILED_SIZES or (
                len(self._requests) > 2 and self._compiled_pixels > MAX_COMPILED_PIXELS
            ):
                self._requests.popitem(last=False)
        return request

    def _compile(self, shape: tuple[int, ...]) -> Any:
        model = self._model.clone()
        model.reshape({"frame": list(shape)})
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if self._device == "CPU":
            settings["ENABLE_CPU_PINNING"] = False  # pinned threads would starve the camera's and the window's
            if self._threads:
                settings["INFERENCE_NUM_THREADS"] = self._threads
        else:
            settings["CACHE_DIR"] = str(cache_folder() / "openvino")  # compiling for a GPU takes seconds
        return self._core.compile_model(model, self._device, settings).create_infer_request()

    @property
    def _compiled_pixels(self) -> int:
        return sum(height * width for height, width, _ in self._requests)
