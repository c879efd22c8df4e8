"""The network in ONNX Runtime: a plain run on processors, fixed device memory on GPUs."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image
from realtime.inference.onnx_runtime import create_session, load_cuda, onnxruntime

if TYPE_CHECKING:
    from realtime.inference.session import Session

GRAPHS = 8  # picture sizes whose memory and CUDA graphs are kept; of the others only the last one
WARM_UPS = 3  # runs at a new size: kernels are searched for, then captured, then replayed

GRAPHS_SINCE = (
    1,
    30,
)  # before, a captured Split read where another size's run had written since: microsoft/onnxruntime#32121

# Where cuDNN looks for kernels the longest; the other choices are measured by `benchmarks.cuda`.
CUDA_OPTIONS = {
    "cudnn_conv_algo_search": "EXHAUSTIVE",
    "cudnn_conv_use_max_workspace": "1",
    "do_copy_in_default_stream": "1",
    "prefer_nhwc": "0",
    "enable_cuda_graph": "1",
}


class PlainSession:
    """Arrays in, arrays out: right for processors, where nothing has to be copied."""

    def __init__(self, model: bytes, provider: str, threads: int = 0, options: Mapping[str, str] | None = None) -> None:
        self._session = create_session(model, provider, options, threads)

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """[H, W, 3] uint8, [S] float32 -> [H, W, 3] uint8."""
        painted: Image = self._session.run(None, {"frame": image, "style": weights})[0]
        return painted

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Nothing: one size is as ready as another."""

    def close(self) -> None:
        """Nothing: memory is free once nobody knows of it."""


class BoundSession:
    """Fixed memory on the device, one set for each size: only the frame's bytes travel, there and back.

    Where CUDA can capture the network as one graph it is replayed with a single launch; that needs
    addresses that never change, so the sets are kept for the first GRAPHS sizes. ONNX Runtime keeps graphs for each
    thread that runs the session, so `OwnThread` holds it. While one captures no other session runs.
    """

    def __init__(
        self, model: bytes, provider: str, options: Mapping[str, str] | None = None, device: str = "cuda"
    ) -> None:
        """options: the provider's; device: where the memory is, "cpu" for tests."""
        if device == "cuda":
            load_cuda()
        self._model, self._provider, self.device = model, provider, device
        self._options = dict(options if options is not None else CUDA_OPTIONS if device == "cuda" else {})
        version = tuple(int(part) for part in onnxruntime().__version__.split(".")[:2])
        self.graphs = self._options.get("enable_cuda_graph") == "1" and version >= GRAPHS_SINCE
        try:
            self._open()
        except Exception:
            if not self._open_without_graphs():
                raise
        (styles,) = next(i.shape for i in self._session.get_inputs() if i.name == "style")
        self.run(np.zeros((64, 64, 3), np.uint8), np.full(styles, 1 / styles, np.float32))

    def _open(self) -> None:
        self._kept: dict[tuple[int, ...], Buffers] = {}
        self._other: tuple[tuple[int, ...], Buffers] | None = None
        self._numbers = itertools.count(1)  # of graphs; none is given twice, whatever has become of the first
        graphs = {} if self.graphs or "enable_cuda_graph" not in self._options else {"enable_cuda_graph": "0"}
        self._session = create_session(self._model, self._provider, self._options | graphs)

    def _open_without_graphs(self) -> bool:
        """What cannot be captured may run all the same. False where it was not to be captured anyway."""
        if not self.graphs:
            return False
        self.graphs = False
        self._open()
        return True

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """[H, W, 3] uint8, [S] float32 -> [H, W, 3] uint8, a new array."""
        buffers = self._kept.get(image.shape)
        if buffers is None and self._other is not None and self._other[0] == image.shape:
            buffers = self._other[1]
        if buffers is None:
            with _CAPTURE.alone():
                try:
                    buffers = self._set_up(image, weights)
                except Exception:
                    if not self._open_without_graphs():
                        raise
                    buffers = self._set_up(image, weights)
        with _CAPTURE.together():
            return buffers.run(image, weights)

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Nothing: it is the thread that paints which has to capture, and nobody may paint meanwhile."""

    def close(self) -> None:
        """Free the device's memory, while nobody captures: a graph cannot be taken down beside that."""
        with _CAPTURE.alone():
            self._kept, self._other, self._session = {}, None, None

    def _set_up(self, image: Image, weights: NDArray[np.float32]) -> Buffers:
        keep = len(self._kept) < GRAPHS
        graph = next(self._numbers) if keep and self.graphs else -1
        buffers = Buffers(self, self._session, image.shape, len(weights), graph)
        for _ in range(WARM_UPS):
            buffers.run(image, weights)
        if keep:
            self._kept[image.shape] = buffers
        else:
            self._other = image.shape, buffers
        return buffers

    def value(self, shape: tuple[int, ...], kind: type[np.generic]) -> Any:
        """Memory of that shape on the device."""
        import onnxruntime as ort

        return ort.OrtValue.ortvalue_from_shape_and_type(shape, kind, self.device, 0)


class OwnThread:
    """A session in a thread of its own, so that its CUDA graphs are those of whichever thread asks."""

    def __init__(self, open: Callable[[], Session]) -> None:
        """open: makes the session, in that thread."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cuda")
        self._session = self._thread.submit(open).result()

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """[H, W, 3] uint8, [S] float32 -> [H, W, 3] uint8, a new array."""
        return self._thread.submit(self._session.run, image, weights).result()

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Nothing, as with the session itself."""

    def close(self) -> None:
        """Free the device's memory, in that thread."""
        self._thread.submit(self._session.close).result()
        self._thread.shutdown()


class Gate:
    """Lets many threads through together, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = self._asking = 0  # threads that are in together; that want to be alone

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Inside with others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._asking)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Inside with nobody else: waits for those who are in, and keeps the others out."""
        with self._changed:
            self._asking += 1
            try:
                self._changed.wait_for(lambda: not self._inside)
                yield  # the lock is held: nobody comes in
            finally:
                self._asking -= 1
                self._changed.notify_all()


_CAPTURE = Gate()


class Buffers:
    """All memory of one size, bound to the session once."""

    def __init__(self, owner: BoundSession, session: Any, shape: tuple[int, ...], styles: int, graph: int) -> None:
        """shape: of the frame; graph: the number of its CUDA graph, -1 for none."""
        import onnxruntime as ort

        self._session, self._copies = session, owner.device == "cuda"  # whose numpy() is a copy already
        self._frame, self._painted = owner.value(shape, np.uint8), owner.value(shape, np.uint8)
        self._style = owner.value((styles,), np.float32)
        self._weights: NDArray[np.float32] | None = None
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input("frame", self._frame)
        self._binding.bind_ortvalue_input("style", self._style)
        self._binding.bind_ortvalue_output("painted", self._painted)
        self._options = ort.RunOptions()
        self._options.add_run_config_entry("gpu_graph_id", str(graph))

    def run(self, image: Image, weights: NDArray[np.float32]) -> Image:
        """Copy in, run, copy out. The style travels only when it has changed."""
        self._frame.update_inplace(image)
        if self._weights is None or not np.array_equal(self._weights, weights):
            self._style.update_inplace(weights)
            self._weights = weights.copy()
        self._session.run_with_iobinding(self._binding, self._options)
        painted: Image = self._painted.numpy()
        return painted if self._copies else painted.copy()
