"""Measure the app as it is used: frame rate, delay, start-up, memory, and CPU time while nothing happens.

    python -m benchmarks.live [--seconds 10] [--provider auto]

It starts the real app with its window, on Linux: on a virtual screen (Xvfb) with openbox; xdotool presses the keys.
The start-up time ends with the first stylized frame.
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
from benchmarks.screen import check_installed, virtual_screen

PROGRAMS = ("Xvfb", "openbox", "xdotool")
SETTLE_SECONDS = 3.0  # between a key and the measurement of its effect
SCREEN_SIZE = (1280, 800)  # width, height


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each row of the table")
    parser.add_argument("--provider", default="auto")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw start-up, memory and CPU: .svg or .png")
    arguments = parser.parse_args()
    if not check_installed("benchmarks.live", PROGRAMS):
        return 1
    with virtual_screen(SCREEN_SIZE) as display, tempfile.TemporaryDirectory() as folder:
        rows = measure(display, Path(folder), arguments.seconds, arguments.provider)
    table = Table("what", "value", title=f"live, {machine()}, {load()}", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    print_table(table)
    if arguments.plot:
        from benchmarks.plots import draw_bars

        quantities = {"start": "seconds to the first painted frame", "memory": "MB", "CPU": "CPU, % of one core"}
        panels = {
            quantity: {name.split(",")[0]: float(value) for name, value in rows if word in name.split(",")[0]}
            for word, quantity in quantities.items()
        }
        draw_bars(arguments.plot, f"The demo, live. {short_machine()}", panels)
    return 0


def measure(display: str, folder: Path, seconds: float, provider: str) -> list[tuple[str, str]]:
    """Return the rows of the table: the quantity with its unit, and its value."""
    # With an empty cache the first start has to measure the engines.
    environment = os.environ | {"DISPLAY": display, "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-m", "realtime", "--demo", "--provider", provider]
    start_seconds = [start_up([*command, "--no-window", "--frames", "1"], folder, environment) for _ in range(4)]
    cpu_shares = {}
    with running([*command, "--stats", str(folder / "live.json")], folder, environment) as (app, provider_line):
        cpu_shares["painting"] = cpu_share(app.pid, seconds)
        memory = peak_megabytes(app.pid)
    # A second process, because the times at rest would distort the figures of --stats.
    with running(command, folder, environment) as (app, _):
        for state, keys in STATES.items():
            for key in keys:
                subprocess.run(key, env=environment, check=True, capture_output=True)
            time.sleep(SETTLE_SECONDS)
            cpu_shares[state] = cpu_share(app.pid, seconds)
    stats: dict[str, Any] = json.loads((folder / "live.json").read_text(encoding="utf-8"))
    delay = stats["latency_ms"]
    return [
        ("engine", provider_line),
        ("first start, to the first painted frame, s", f"{start_seconds[0]:.2f}"),
        ("later starts, median, s", f"{sorted(start_seconds[1:])[1]:.2f}"),
        ("fps shown", f"{stats['fps']}"),
        ("painted at", "{} x {}".format(*stats["working_size"])),
        ("one frame through the network, ms", f"{stats['paint_ms_mean']}"),
        ("capture to display, ms, p50 / p95", f"{delay['p50']} / {delay['p95']}"),
        ("memory, peak, MB", f"{memory:.0f}"),
        *((f"CPU while {state}, % of one core", f"{100 * share:.1f}") for state, share in cpu_shares.items()),
    ]


WINDOW = ["xdotool", "search", "--name", "realtime-stylize"]
STATES = {  # states of the app, and the commands that lead there from the state before
    "frozen": [["xdotool", "key", "space"]],
    "minimised": [["xdotool", "key", "space"], [*WINDOW, "windowminimize"]],
}


@contextmanager
def running(
    command: list[str], folder: Path, environment: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the app; yield its process and the line that names its provider; end it as Ctrl-C does."""
    app = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert app.stdout is not None
        first_lines = [app.stdout.readline().strip() for _ in range(2)]
        time.sleep(SETTLE_SECONDS)
        yield app, first_lines[1]
    finally:
        app.send_signal(signal.SIGINT)
        app.communicate(timeout=30)


def start_up(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Return the seconds from the start of the process to its first stylized frame."""
    begin = time.perf_counter()
    app = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    lines = [app.stdout.readline() for _ in range(3)]  # source, provider, figures: printed after one frame
    seconds = time.perf_counter() - begin
    app.communicate(timeout=60)
    if "frames painted" not in lines[2]:
        raise SystemExit(f"benchmarks.live: the app printed {lines}")
    return seconds


def cpu_share(pid: int, seconds: float) -> float:
    """Return the number of cores that a process keeps busy, measured for some seconds."""
    before, begin = cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main())
