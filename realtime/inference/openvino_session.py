"""The network in OpenVINO, another runtime for the same file: bf16 on processors that have it, Intel's GPUs."""

from __future__ import annotations

import sys
from collections import OrderedDict
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image
from realtime.system.paths import cache_folder

SIZES = 4  # compiled ones that are kept,
PIXELS = 4 << 20  # but beyond two not more than this of all together: each takes about 100 bytes a pixel
_TELEMETRY = "openvino_telemetry"


@cache
def core() -> Any:
    """OpenVINO; without its telemetry, which would send an event to its makers at every start.

    One for the whole process: each gives the thread that makes it a stack for signals and takes it away again,
    and where two lives overlap, a stack that is gone is left behind: the next Ctrl-C is a segmentation fault.
    """
    known = sys.modules.get(_TELEMETRY)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # importing it fails then, for which OpenVINO is ready
    try:
        import openvino
    finally:
        del sys.modules[_TELEMETRY]
        if known is not None:
            sys.modules[_TELEMETRY] = known
    return openvino.Core()


def openvino_devices() -> list[str]:
    """The devices that OpenVINO can use here, the processor first."""
    found = core().available_devices
    return [name for name in found if name == "CPU"] + [name for name in found if name.startswith("GPU")]


class OpenVinoSession:
    """One device. The network is compiled for each size, in about 0.1 s.

    For sizes that are not known beforehand it takes 1.4 times as long: every normalization then leaves the
    memory layout of the convolutions, and comes back.
    """

    def __init__(self, model: bytes, device: str = "CPU", threads: int = 0) -> None:
        """threads: of the processor, 0 for as many as OpenVINO likes."""
        self._core = core()
        self._model = self._core.read_model(model)
        self._device, self._threads = device, threads
        self._requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._changing = Lock()  # of `_requests`

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """[H, W, 3] uint8, [S] float32 -> [H, W, 3] uint8, a new array."""
        request = self._request(image.shape)
        painted: Image = request.infer({"frame": image, "style": weights}, share_inputs=True)[0]
        return painted

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Compile for frames of that shape, [H, W, 3]; another thread may paint meanwhile."""
        self._request(shape)

    def close(self) -> None:
        """Nothing: memory is free once nobody knows of it."""

    def _request(self, shape: tuple[int, ...]) -> Any:
        with self._changing:
            request = self._requests.get(shape)
        if request is None:
            request = self._compile(shape)
        with self._changing:
            self._requests[shape] = request
            self._requests.move_to_end(shape)
            while len(self._requests) > SIZES or (len(self._requests) > 2 and self._pixels > PIXELS):
                self._requests.popitem(last=False)
        return request

    def _compile(self, shape: tuple[int, ...]) -> Any:
        model = self._model.clone()
        model.reshape({"frame": list(shape)})
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if self._device == "CPU":
            settings["ENABLE_CPU_PINNING"] = False  # the camera's and the window's threads want their turn
            if self._threads:
                settings["INFERENCE_NUM_THREADS"] = self._threads
        else:
            settings["CACHE_DIR"] = str(cache_folder() / "openvino")  # GPUs compile for seconds
        return self._core.compile_model(model, self._device, settings).create_infer_request()

    @property
    def _pixels(self) -> int:
        return sum(height * width for height, width, _ in self._requests)
