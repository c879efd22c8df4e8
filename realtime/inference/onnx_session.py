"""Sessions of ONNX Runtime: a plain run on CPUs, fixed device memory and CUDA graphs on NVIDIA GPUs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image
from realtime.inference.onnx_runtime import create_session, load_cuda, onnxruntime
from realtime.inference.session import Session
from realtime.inference.shared_lock import SharedLock

MAX_GRAPHS = 8  # image shapes whose device memory and CUDA graph are kept; of the others only the last one's memory
WARM_UP_RUNS = 3  # runs with a new shape: the first searches for kernels, the second captures, the third replays
# Before this version a captured Split read memory that another shape's run had overwritten:
# microsoft/onnxruntime#32121.
MIN_GRAPH_VERSION = (1, 30)


class OnnxSession:
    """A session that takes and returns arrays: right for CPUs, where nothing has to be copied."""

    def __init__(self, model: bytes, provider: str, threads: int = 0, options: Mapping[str, str] | None = None) -> None:
        self._session = create_session(model, provider, options, threads)

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Stylize one image: [H, W, 3] uint8, [S] float32 -> [H, W, 3] uint8, a new array."""
        stylized: Image = self._session.run(None, {"frame": image, "style": weights})[0]
        return stylized

    def prepare(self, shape: tuple[int, ...]) -> None:
        """No-op: nothing is compiled for a shape."""

    def close(self) -> None:
        """No-op: garbage collection releases it."""


class IoBindingSession:
    """A session with fixed device memory for each image shape (IO binding): only the frame's bytes are copied.

    Where CUDA can capture the network as one graph, it is replayed with a single launch. That needs addresses that
    never change, so the buffers of the first MAX_GRAPHS shapes are kept. ONNX Runtime keeps graphs for each thread
    that runs the session, so `ThreadBoundSession` holds it. While one session captures, no other session runs.
    """

    def __init__(
        self, model: bytes, provider: str, options: Mapping[str, str] | None = None, device: str = "cuda"
    ) -> None:
        """Open the session and run it once. options: the provider's. device: where memory is, "cpu" for tests."""
        if device == "cuda":
            load_cuda()
        self._model, self._provider, self.device = model, provider, device
        self._options = dict(options or {})
        version = tuple(int(part) for part in onnxruntime().__version__.split(".")[:2])
        self.uses_graphs = self._options.get("enable_cuda_graph") == "1" and version >= MIN_GRAPH_VERSION
        try:
            self._open()
        except Exception:
            if not self._reopen_without_graphs():
                raise
        (num_styles,) = next(i.shape for i in self._session.get_inputs() if i.name == "style")
        self.run(np.zeros((64, 64, 3), np.uint8), np.full(num_styles, 1 / num_styles, np.float32))

    def _open(self) -> None:
        self._kept: dict[tuple[int, ...], BoundBuffers] = {}  # the buffers of the first MAX_GRAPHS image shapes
        self._latest: tuple[tuple[int, ...], BoundBuffers] | None = None  # the last other shape, and its buffers
        self._graph_ids = itertools.count(1)  # an id is never used again, even if capturing its graph failed
        disabled = {} if self.uses_graphs or "enable_cuda_graph" not in self._options else {"enable_cuda_graph": "0"}
        self._session = create_session(self._model, self._provider, self._options | disabled)

    def _reopen_without_graphs(self) -> bool:
        """Open again without CUDA graphs, since capturing failed; return False if they were off already."""
        if not self.uses_graphs:
            return False
        self.uses_graphs = False
        self._open()
        return True

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Stylize one image: [H, W, 3] uint8, [S] float32 -> [H, W, 3] uint8, a new array."""
        buffers = self._kept.get(image.shape)
        if buffers is None and self._latest is not None and self._latest[0] == image.shape:
            buffers = self._latest[1]
        if buffers is None:
            with _CAPTURE_LOCK.exclusive():
                try:
                    buffers = self._create_buffers(image, weights)
                except Exception:
                    if not self._reopen_without_graphs():
                        raise
                    buffers = self._create_buffers(image, weights)
        with _CAPTURE_LOCK.shared():
            return buffers.run(image, weights)

    def prepare(self, shape: tuple[int, ...]) -> None:
        """No-op: the graph has to be captured by the thread that runs the session, and nothing may run meanwhile."""

    def close(self) -> None:
        """Free the device's memory while no session captures: a graph cannot be destroyed during a capture."""
        with _CAPTURE_LOCK.exclusive():
            self._kept, self._latest, self._session = {}, None, None

    def _create_buffers(self, image: Image, weights: NDArray[np.float32]) -> BoundBuffers:
        """Allocate device memory for the image's shape, and warm up, which captures the CUDA graph."""
        keep = len(self._kept) < MAX_GRAPHS
        graph_id = next(self._graph_ids) if keep and self.uses_graphs else -1
        buffers = BoundBuffers(self, self._session, image.shape, len(weights), graph_id)
        for _ in range(WARM_UP_RUNS):
            buffers.run(image, weights)
        if keep:
            self._kept[image.shape] = buffers
        else:
            self._latest = image.shape, buffers
        return buffers

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Any:
        """Return an OrtValue of that shape and dtype on the device."""
        import onnxruntime as ort

        return ort.OrtValue.ortvalue_from_shape_and_type(shape, dtype, self.device, 0)


class ThreadBoundSession:
    """A session that runs in one thread of its own, whichever thread calls, so that its CUDA graphs are found."""

    def __init__(self, open_session: Callable[[], Session]) -> None:
        """Start the thread. open_session: opens the session, in that thread."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cuda")
        self._session = self._thread.submit(open_session).result()

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Stylize one image: [H, W, 3] uint8, [S] float32 -> [H, W, 3] uint8, a new array."""
        return self._thread.submit(self._session.run, image, weights).result()

    def prepare(self, shape: tuple[int, ...]) -> None:
        """No-op, as in the session itself."""

    def close(self) -> None:
        """Free the device's memory in the session's thread, and end the thread."""
        self._thread.submit(self._session.close).result()
        self._thread.shutdown()


_CAPTURE_LOCK = SharedLock()  # one lock for all sessions: shared to run, exclusive to capture a CUDA graph


class BoundBuffers:
    """Device memory for one image shape, bound to the session once."""

    def __init__(
        self, owner: IoBindingSession, session: Any, shape: tuple[int, ...], num_styles: int, graph_id: int
    ) -> None:
        """Allocate and bind. shape: of the image, [H, W, 3]. graph_id: of its CUDA graph, -1 for none."""
        import onnxruntime as ort

        self._session = session
        self._frame, self._stylized = owner.allocate(shape, np.uint8), owner.allocate(shape, np.uint8)
        self._style = owner.allocate((num_styles,), np.float32)
        self._copies_output = owner.device == "cuda"  # numpy() of device memory is a copy, of CPU memory a view
        self._weights: NDArray[np.float32] | None = None
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input("frame", self._frame)
        self._binding.bind_ortvalue_input("style", self._style)
        self._binding.bind_ortvalue_output("painted", self._stylized)
        self._run_options = ort.RunOptions()
        self._run_options.add_run_config_entry("gpu_graph_id", str(graph_id))

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Copy the image in, run, copy the result out; the weights are copied only if they have changed."""
        self._frame.update_inplace(image)
        if self._weights is None or not np.array_equal(self._weights, weights):
            self._style.update_inplace(weights)
            self._weights = weights.copy()
        self._session.run_with_iobinding(self._binding, self._run_options)
        stylized: Image = self._stylized.numpy()
        return stylized if self._copies_output else stylized.copy()
