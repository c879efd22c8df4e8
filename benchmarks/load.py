"""Does the frame rate hold when something else wants the machine? The governor at work, over time.

    python -m benchmarks.load [--provider auto] [--rest 20] [--busy 20] [--plot FILE] [--save FILE]

Paints the demo scene as the app does, without a window. In the middle as many programs as there are cores count in
circles, with the same priority. --save keeps what the governor was told, for the simulations of
tests/live/test_governor.py.
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
from realtime.system.hardware import physical_cores

WINDOW = 1.0  # seconds over which the frame rate is counted
BURNER = [sys.executable, "-c", "while True: pass"]


@dataclass(frozen=True)
class Shown:
    """One painted picture. at: s since the beginning; delay: s since its capture; rows: of the size painted at."""

    at: float
    delay: float
    rows: int


def main() -> int:
    """The entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.splitlines()[0])
    parser.add_argument("--provider", default="auto")
    parser.add_argument("--rest", type=float, default=20.0, help="seconds before the load; twice as many follow it")
    parser.add_argument("--busy", type=float, default=20.0, help="seconds of load")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it: .svg or .png")
    parser.add_argument("--save", type=Path, metavar="FILE", help="a line a picture: when, seconds it took, its rows")
    arguments = parser.parse_args()
    rest, busy = arguments.rest, (arguments.rest, arguments.rest + arguments.busy)
    told: list[str] = []
    with patch.object(Governor, "observe", noting(told)):
        shown, said = record(arguments.provider, busy, busy[1] + 2 * rest)
    if arguments.save:
        arguments.save.write_text("".join(told), encoding="utf-8")
    spans = {"before": (rest / 2, rest), "the first second of load": (rest, rest + 1)}
    spans |= {"under load, from then on": (rest + 1, busy[1]), "at the end": (busy[1] + rest, busy[1] + 2 * rest)}
    table = Table("when", "fps", "delay ms, p50", "rows", title=f"{said}, {machine()}, {load()}", box=box.SIMPLE_HEAD)
    for name, (begin, end) in spans.items():
        span = [one for one in shown if begin <= one.at < end]
        delay = f"{1000 * statistics.median(one.delay for one in span):.0f}" if span else ""
        rows = f"{min(one.rows for one in span)} to {max(one.rows for one in span)}" if span else ""
        table.add_row(name, f"{len(span) / (end - begin):.1f}", delay, rows)
    print_table(table)
    print(f"turns of the size, up to down or down to up, within 10 s: at most {turns(shown)}")
    if arguments.plot:
        draw(arguments.plot, f"The demo, 640x480, {said.split(':')[0]}. {short_machine()}", shown, busy)
    return 0


def noting(told: list[str]) -> Callable[[Governor, float, float, float], bool]:
    """Governor.observe, which writes down what it is told."""
    observe = Governor.observe

    def observed(self: Governor, seconds: float, now: float, stroke: float = 1.0) -> bool:
        told.append(f"{now:.3f} {seconds:.5f} {self.height}\n")
        return observe(self, seconds, now, stroke)

    return observed


def record(provider: str, busy: tuple[float, float], seconds: float) -> tuple[list[Shown], str]:
    """Every picture that was painted, and the engine."""
    shown: list[Shown] = []
    burners: list[subprocess.Popen[bytes]] = []
    with Stylizer(provider=provider) as stylizer, Live(open_live_source(demo=True), stylizer) as live:
        begin = time.perf_counter()
        try:
            for painted in live:
                now = time.perf_counter()
                shown.append(Shown(now - begin, now - painted.frame.captured, live.working_size[1]))
                if busy[0] <= now - begin < busy[1] and not burners:
                    burners = [subprocess.Popen(BURNER) for _ in range(physical_cores())]
                if now - begin >= busy[1]:
                    end(burners)
                if now - begin >= seconds:
                    break
        finally:
            end(burners)
        return shown, f"{stylizer.provider}: {stylizer.provider_reason}"


def end(burners: list[subprocess.Popen[bytes]]) -> None:
    """Stop the load."""
    for burner in burners:
        if burner.returncode is None:
            burner.kill()
            burner.wait()


def turns(shown: list[Shown]) -> int:
    """The most turns of the size that any 10 seconds hold."""
    moves = [(b.at, b.rows > a.rows) for a, b in itertools.pairwise(shown) if a.rows != b.rows]
    times = [two for (_, up), (two, again) in itertools.pairwise(moves) if up != again]
    return max((sum(time <= other < time + 10 for other in times) for time in times), default=0)


def draw(path: Path, title: str, shown: list[Shown], busy: tuple[float, float]) -> None:
    """Frame rate, delay and size over time."""
    from benchmarks.plots import timelines

    shown = [one for one in shown if one.at > WINDOW]  # not how long the start took
    times = [one.at for one in shown]
    rates = [sum(at - WINDOW < other <= at for other in times) / WINDOW for at in times]
    delays = [1000 * statistics.median(one.delay for one in shown[max(0, n - 4) : n + 1]) for n in range(len(shown))]
    rows = [float(one.rows) for one in shown]
    panels = {"pictures a second": rates, "capture to painted, ms": delays, "rows painted": rows}
    timelines(path, title, times, panels, busy)


if __name__ == "__main__":
    sys.exit(main())
