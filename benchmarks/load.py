"""Measure how the governor holds the frame rate while other programs load the machine.

    python -m benchmarks.load [--provider auto] [--rest 20] [--busy 20] [--plot FILE] [--save FILE]

It stylizes the demo scene as the app does, without a window. In the middle as many busy loops as there are cores run
with the same priority. --save keeps what the governor observed, for the simulations of tests/live/test_governor.py.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from rich import box
from rich.table import Table

from benchmarks.machine import load, machine, print_table, short_machine
from realtime.live.governor import Governor
from realtime.live.pipeline import Live
from realtime.sources.opening import open_live_source
from realtime.stylizer.stylizer import Stylizer
from realtime.system.hardware import usable_cores

RATE_WINDOW_SECONDS = 1.0  # the frame rate is the number of frames in the last RATE_WINDOW_SECONDS
BUSY_LOOP = [sys.executable, "-c", "while True: pass"]


@dataclass(frozen=True)
class ShownFrame:
    """A stylized frame. time: seconds since the start. delay: seconds since its capture. rows: its height."""

    time: float
    delay: float
    rows: int


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.splitlines()[0])
    parser.add_argument("--provider", default="auto")
    parser.add_argument("--rest", type=float, default=20.0, help="seconds before the load; twice as many follow it")
    parser.add_argument("--busy", type=float, default=20.0, help="seconds of load")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it: .svg or .png")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write time, seconds and rows of each frame")
    arguments = parser.parse_args()
    rest, busy = arguments.rest, (arguments.rest, arguments.rest + arguments.busy)
    observations: list[str] = []
    with patch.object(Governor, "observe", recording_observe(observations)):
        shown, provider = record_frames(arguments.provider, busy, busy[1] + 2 * rest)
    if arguments.save:
        arguments.save.write_text("".join(observations), encoding="utf-8")
    spans = {"before": (rest / 2, rest), "the first second of load": (rest, rest + 1)}
    spans |= {"under load, from then on": (rest + 1, busy[1]), "at the end": (busy[1] + rest, busy[1] + 2 * rest)}
    table = Table(
        "when", "fps", "delay ms, p50", "rows", title=f"{provider}, {machine()}, {load()}", box=box.SIMPLE_HEAD
    )
    for name, (begin, end) in spans.items():
        frames = [frame for frame in shown if begin <= frame.time < end]
        delay = f"{1000 * statistics.median(frame.delay for frame in frames):.0f}" if frames else ""
        rows = f"{min(frame.rows for frame in frames)} to {max(frame.rows for frame in frames)}" if frames else ""
        table.add_row(name, f"{len(frames) / (end - begin):.1f}", delay, rows)
    print_table(table)
    print(f"turns of the size, up to down or down to up, within 10 s: at most {count_turns(shown)}")
    if arguments.plot:
        draw(arguments.plot, f"The demo, 640x480, {provider.split(':')[0]}. {short_machine()}", shown, busy)
    return 0


def recording_observe(observations: list[str]) -> Callable[[Governor, float, float, float], bool]:
    """Return a `Governor.observe` that also records its arguments as lines."""
    observe = Governor.observe

    def observed(self: Governor, seconds: float, now: float, stroke: float = 1.0) -> bool:
        observations.append(f"{now:.3f} {seconds:.5f} {self.height}\n")
        return observe(self, seconds, now, stroke)

    return observed


def record_frames(provider: str, busy: tuple[float, float], seconds: float) -> tuple[list[ShownFrame], str]:
    """Run the app, and load the machine between the times `busy`.

    Returns every stylized frame, and the provider with its reason.
    """
    shown: list[ShownFrame] = []
    busy_loops: list[subprocess.Popen[bytes]] = []
    with Stylizer(provider=provider) as stylizer, Live(open_live_source(demo=True), stylizer) as live:
        begin = time.perf_counter()
        try:
            for stylized in live:
                now = time.perf_counter()
                shown.append(ShownFrame(now - begin, now - stylized.frame.captured, live.working_size[1]))
                if busy[0] <= now - begin < busy[1] and not busy_loops:
                    busy_loops = [subprocess.Popen(BUSY_LOOP) for _ in range(usable_cores())]
                if now - begin >= busy[1]:
                    stop(busy_loops)
                if now - begin >= seconds:
                    break
        finally:
            stop(busy_loops)
        return shown, f"{stylizer.provider}: {stylizer.provider_reason}"


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """Kill the processes that still run."""
    for process in processes:
        if process.returncode is None:
            process.kill()
            process.wait()


def count_turns(shown: list[ShownFrame]) -> int:
    """Return the largest number of times within 10 seconds that the size turned from growing to shrinking or back."""
    changes = [(b.time, b.rows > a.rows) for a, b in itertools.pairwise(shown) if a.rows != b.rows]
    times = [time for (_, grew), (time, grows) in itertools.pairwise(changes) if grew != grows]
    return max((sum(time <= other < time + 10 for other in times) for time in times), default=0)


def draw(path: Path, title: str, shown: list[ShownFrame], busy: tuple[float, float]) -> None:
    """Plot frame rate, delay and size over time."""
    from benchmarks.plots import draw_timelines

    shown = [frame for frame in shown if frame.time > RATE_WINDOW_SECONDS]  # the start would distort the scale
    times = [frame.time for frame in shown]
    window = RATE_WINDOW_SECONDS
    rates = [sum(time - window < other <= time for other in times) / window for time in times]
    delays = [1000 * statistics.median(f.delay for f in shown[max(0, n - 4) : n + 1]) for n in range(len(shown))]
    rows = [float(frame.rows) for frame in shown]
    panels = {"pictures a second": rates, "capture to painted, ms": delays, "rows painted": rows}
    draw_timelines(path, title, times, panels, busy)


if __name__ == "__main__":
    sys.exit(main())
