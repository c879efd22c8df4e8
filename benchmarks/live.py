"""The app as it is used: frame rate, delay, start-up, memory, and what it costs while nothing happens.

    python -m benchmarks.live [--seconds 10] [--provider auto]

Starts the real app with its window: on Linux, under an Xvfb of its own with openbox, keys by xdotool.
Start-up is counted from the start of the process to the first painted frame.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.machine import load, machine, print_table, short_machine
from benchmarks.processes import cpu_seconds, peak_megabytes
from benchmarks.screen import has, virtual_screen

NEEDED = ("Xvfb", "openbox", "xdotool")
SETTLE = 3.0  # seconds after a key until what it did is measured
SCREEN = (1280, 800)


def main() -> int:
    """The entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each row of the table")
    parser.add_argument("--provider", default="auto")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw start-up, memory and CPU: .svg or .png")
    arguments = parser.parse_args()
    if not has("benchmarks.live", NEEDED):
        return 1
    with virtual_screen(SCREEN) as display, tempfile.TemporaryDirectory() as folder:
        rows = measure(display, Path(folder), arguments.seconds, arguments.provider)
    table = Table("what", "value", title=f"live, {machine()}, {load()}", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    print_table(table)
    if arguments.plot:
        from benchmarks.plots import bars

        kinds = {"start": "seconds to the first painted frame", "memory": "MB", "CPU": "CPU, % of one core"}
        panels = {
            kind: {what.split(",")[0]: float(value) for what, value in rows if word in what.split(",")[0]}
            for word, kind in kinds.items()
        }
        bars(arguments.plot, f"The demo, live. {short_machine()}", panels)
    return 0


def measure(display: str, folder: Path, seconds: float, provider: str) -> list[tuple[str, str]]:
    """Rows of the table: what, and its value with a unit."""
    environment = os.environ | {"DISPLAY": display, "XDG_CACHE_HOME": str(folder / "cache")}  # no engine is known yet
    command = [sys.executable, "-m", "realtime", "--demo", "--provider", provider]
    first = [start_up([*command, "--no-window", "--frames", "1"], folder, environment) for _ in range(4)]
    shares = {}
    with running([*command, "--stats", str(folder / "live.json")], folder, environment) as (app, said):
        shares["painting"] = cpu_share(app.pid, seconds)
        memory = peak_megabytes(app.pid)
    with running(command, folder, environment) as (app, _):  # another one: its figures are those of resting
        for what, keys in STATES.items():
            for key in keys:
                subprocess.run(key, env=environment, check=True, capture_output=True)
            time.sleep(SETTLE)
            shares[what] = cpu_share(app.pid, seconds)
    stats: dict[str, Any] = json.loads((folder / "live.json").read_text(encoding="utf-8"))
    delay = stats["latency_ms"]
    return [
        ("engine", said),
        ("first start, to the first painted frame, s", f"{first[0]:.2f}"),
        ("later starts, median, s", f"{sorted(first[1:])[1]:.2f}"),
        ("fps shown", f"{stats['fps']}"),
        ("painted at", "{} x {}".format(*stats["working_size"])),
        ("one frame through the network, ms", f"{stats['paint_ms_mean']}"),
        ("capture to display, ms, p50 / p95", f"{delay['p50']} / {delay['p95']}"),
        ("memory, peak, MB", f"{memory:.0f}"),
        *((f"CPU while {what}, % of one core", f"{100 * share:.1f}") for what, share in shares.items()),
    ]


WINDOW = ["xdotool", "search", "--name", "realtime-stylize"]
STATES = {  # what the app does, and what brings it there from the state before
    "frozen": [["xdotool", "key", "space"]],
    "minimised": [["xdotool", "key", "space"], [*WINDOW, "windowminimize"]],
}


@contextmanager
def running(
    command: list[str], folder: Path, environment: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The app, painting, and what it says of its engine; ended as by Ctrl-C."""
    app = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert app.stdout is not None
        said = [app.stdout.readline().strip() for _ in range(2)]
        time.sleep(SETTLE)
        yield app, said[1]
    finally:
        app.send_signal(signal.SIGINT)
        app.communicate(timeout=30)


def start_up(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Seconds from the start of the process to its first painted frame, as --stats counts, less its end."""
    begin = time.perf_counter()
    app = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    lines = [app.stdout.readline() for _ in range(3)]  # the source, the engine, the figures: one frame is painted
    seconds = time.perf_counter() - begin
    app.communicate(timeout=60)
    if "frames painted" not in lines[2]:
        raise SystemExit(f"benchmarks.live: the app said {lines}")
    return seconds


def cpu_share(pid: int, seconds: float) -> float:
    """Cores that a process keeps busy."""
    before, begin = cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main())
