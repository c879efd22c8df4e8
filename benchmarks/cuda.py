"""Compare CUDA settings: one row each, from uint8 to uint8 in host memory.

    python -m benchmarks.cuda [--sizes 640x480,1920x1080,3840x2160] [--rounds 50]

Every row stylizes the same frames, one after the other. With --provider cpu the same classes run on the CPU, which
only shows that the benchmark works.
Put the table into docs/hardware.md, and the fastest row into `CUDA_OPTIONS` of realtime/inference/nvidia_backends.py.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from rich import box
from rich.table import Table

from benchmarks.machine import load, machine, print_table
from realtime.frame import Image
from realtime.inference.model import Model, read_model
from realtime.inference.nvidia_backends import CUDA, CUDA_OPTIONS, TENSORRT
from realtime.inference.onnx_backends import CPU
from realtime.inference.onnx_runtime import load_cuda
from realtime.inference.onnx_session import IoBindingSession, OnnxSession, ThreadBoundSession
from realtime.inference.session import Session
from realtime.system.paths import shipped_folder

WARM_UP_FRAMES = 10  # frames of each session at each size that are not counted
NUM_WORKERS = (2, 3)  # frames in flight at once, each with a session of its own
OPTION_CHANGES = {  # changes to CUDA_OPTIONS, by the name of the row
    "fixed memory, CUDA graph, exhaustive": {},
    "no CUDA graph": {"enable_cuda_graph": "0"},
    "prefer_nhwc": {"prefer_nhwc": "1"},
    "heuristic search": {"cudnn_conv_algo_search": "HEURISTIC"},
    "default search": {"cudnn_conv_algo_search": "DEFAULT"},
    "small workspace": {"cudnn_conv_use_max_workspace": "0"},
    "TF32 off": {"use_tf32": "0"},
}


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda", description=__doc__.splitlines()[0])
    parser.add_argument("--provider", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--sizes", default="640x480,1920x1080,3840x2160", help="WIDTHxHEIGHT,..., multiples of 8")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--model", type=Path, help="our model file (default: the live one)")
    parser.add_argument("--only", default="", metavar="TEXT,...", help="rows whose names begin with one of these")
    arguments = parser.parse_args()
    problem = {backend.name: backend for backend in (CUDA, CPU)}[arguments.provider].find_problem()
    if problem:
        print(f"benchmarks.cuda: {problem}; --provider cpu tries the benchmark itself", file=sys.stderr)
        return 1
    model = read_model(arguments.model or shipped_folder() / "live.onnx")
    sizes = [(int(size.split("x")[1]), int(size.split("x")[0])) for size in arguments.sizes.split(",")]
    columns = [f"{width}x{height} {unit}" for height, width in sizes for unit in ("ms", "fps")]
    table = Table("settings", *columns, title=f"CUDA, {machine()}, {load()}", box=box.SIMPLE_HEAD)
    for name, open_sessions in list_rows(model, arguments.provider).items():
        if not name.startswith(tuple(arguments.only.split(","))):
            continue
        try:
            cells = [cell for size in sizes for cell in measure(open_sessions, model, size, arguments.rounds)]
        except Exception as error:
            cells = [f"failed: {str(error).splitlines()[0][:60]}", *[""] * (len(columns) - 1)]
        table.add_row(name, *cells)
        print(name, *cells, file=sys.stderr, flush=True)  # shows progress: searching for kernels takes long
    print_table(table)
    return 0


def list_rows(model: Model, provider: str) -> dict[str, Callable[[], list[Session]]]:
    """Return the rows by name, each as a function that opens its sessions, one for each frame in flight."""
    if provider == "cpu":
        fixed = partial(IoBindingSession, model.data, CPU.execution_provider, device="cpu")
        return {
            "arrays": lambda: [OnnxSession(model.data, CPU.execution_provider)],
            "fixed memory": lambda: [fixed()],
            "2 frames in flight": lambda: [ThreadBoundSession(fixed) for _ in range(2)],
        }
    load_cuda()

    def bound(changes: dict[str, str], num_workers: int) -> Callable[[], list[Session]]:
        session = partial(IoBindingSession, model.data, CUDA.execution_provider, CUDA_OPTIONS | changes)
        return lambda: [ThreadBoundSession(session) for _ in range(num_workers)]

    table: dict[str, Callable[[], list[Session]]] = {
        "arrays": lambda: [OnnxSession(model.data, CUDA.execution_provider)]
    }
    table |= {name: bound(changes, 1) for name, changes in OPTION_CHANGES.items()}
    table |= {f"{num_workers} frames in flight": bound({}, num_workers) for num_workers in NUM_WORKERS}
    if TENSORRT.find_problem() is None:
        table["TensorRT"] = lambda: [TENSORRT.open(model.data, TENSORRT.devices()[0])]
    return table


def measure(
    open_sessions: Callable[[], list[Session]], model: Model, size: tuple[int, int], rounds: int
) -> tuple[str, str]:
    """Return the median milliseconds per frame, and the frames per second, as cells. size: (height, width)."""
    sessions = open_sessions()
    random = np.random.default_rng(0)
    frames: list[Image] = [random.integers(0, 256, (*size, 3), np.uint8) for _ in range(4)]
    weights = np.eye(len(model.styles), dtype=np.float32)[0]

    def time_frame(number: int) -> float:
        start = time.perf_counter()
        sessions[number % len(sessions)].run(frames[number % len(frames)], weights)
        return time.perf_counter() - start

    with ThreadPoolExecutor(len(sessions)) as pool:
        list(pool.map(time_frame, range(WARM_UP_FRAMES * len(sessions))))
        begin = time.perf_counter()
        seconds = list(pool.map(time_frame, range(rounds)))
        total = time.perf_counter() - begin
    return f"{1000 * statistics.median(seconds):.2f}", f"{rounds / total:.0f}"


if __name__ == "__main__":
    sys.exit(main())
