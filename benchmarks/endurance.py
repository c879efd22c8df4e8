"""Everything at once, for a while: window, recording, page with a viewer, virtual camera. Nothing may grow.

    python -m benchmarks.endurance [--minutes 10] [--provider auto]

Linux, with Xvfb, openbox, xdotool and ffprobe. Without a virtual-camera device the rest runs without one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.request import urlopen

from rich import box
from rich.table import Table

from benchmarks.live import SCREEN, SETTLE
from benchmarks.machine import load, machine, print_table
from benchmarks.processes import State, state
from benchmarks.screen import has, virtual_screen

NEEDED = ("Xvfb", "openbox", "xdotool", "ffprobe")
WARM_UP = 20.0  # seconds until everything that is allocated once is there
PARTS = 2


def main() -> int:
    """The entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--provider", default="auto")
    arguments = parser.parse_args()
    if not has("benchmarks.endurance", NEEDED):
        return 1
    with virtual_screen(SCREEN) as display, tempfile.TemporaryDirectory() as folder:
        states, times, said = endure(display, Path(folder), 60 * arguments.minutes, arguments.provider)
    table = Table("", "start", "middle", "end", title=f"endurance, {machine()}, {load()}", box=box.SIMPLE_HEAD)
    for row in rows(states, times):
        table.add_row(*row)
    print_table(table)
    print(said)
    return 0


def endure(display: str, folder: Path, seconds: float, provider: str) -> tuple[list[State], list[float], str]:
    """What the process has at start, in the middle and at the end; of its recording the times, and a line."""
    environment = os.environ | {"DISPLAY": display}
    command = [sys.executable, "-m", "realtime", "--demo", "--provider", provider]
    app = subprocess.Popen(
        [*command, "--serve", "0", "--virtual-camera"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert app.stdout is not None
        page = next(line.split()[1] for line in app.stdout if line.startswith("page: "))
        viewer = threading.Thread(target=watch, args=(page,), daemon=True)
        viewer.start()
        time.sleep(SETTLE)
        press("r", environment)
        begin = time.perf_counter()
        time.sleep(WARM_UP)
        states = [state(app.pid)]
        for _ in range(PARTS):
            time.sleep((seconds - WARM_UP) / PARTS)
            states.append(state(app.pid))
        press("r", environment)
        wall = time.perf_counter() - begin
        if not viewer.is_alive():
            raise SystemExit("benchmarks.endurance: the page has hung up on its viewer")
        time.sleep(SETTLE)
        press("q", environment)
        app.communicate(timeout=60)
    finally:
        app.kill()
    return states, *check(next(folder.glob("*.mp4")), wall)


def watch(page: str) -> None:
    """A viewer: takes every picture that comes."""
    with urlopen(page + "stream.mjpg", timeout=60) as stream:
        while stream.read1(1 << 16):
            pass


def press(key: str, environment: dict[str, str]) -> None:
    """Press a key in the window."""
    subprocess.run(["xdotool", "key", key], env=environment, check=True)


def check(film: Path, wall: float) -> tuple[list[float], str]:
    """The times of its pictures, and what is to be said of it. wall: s between the two presses of the key."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "format=duration:stream=codec_type"]
    found = json.loads(subprocess.run([*command, film], stdout=subprocess.PIPE, check=True).stdout)
    command = ["ffprobe", "-v", "error", "-of", "csv=p=0", "-select_streams", "v", "-show_entries", "frame=pts_time"]
    lines = subprocess.run([*command, film], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    times = [float(line.strip(",")) for line in lines]
    kinds = [stream["codec_type"] for stream in found["streams"]]
    rising = all(one < other for one, other in itertools.pairwise(times))
    said = f"recording: {float(found['format']['duration']):.2f} s of {wall:.2f} s by the clock, {len(times)} pictures"
    return times, f"{said}, times {'rise' if rising else 'DO NOT RISE'}, streams: {', '.join(kinds)}"


def rows(states: list[State], times: list[float]) -> list[list[str]]:
    """Of the table: what, and its value at the start, in the middle, at the end; rates are those of the time before."""
    table = [[name] for name in ("fps recorded", "CPU, % of one core", "memory, MB", "threads", "open files")]
    for before, now in zip([None, *states], states, strict=False):
        if before is None:
            table[0].append("")
            table[1].append("")
        else:
            begin, end = (WARM_UP + at.when - states[0].when for at in (before, now))
            table[0].append(f"{sum(begin <= time < end for time in times) / (end - begin):.1f}")
            table[1].append(f"{100 * (now.cpu - before.cpu) / (now.when - before.when):.0f}")
        for row, value in zip(table[2:], (f"{now.megabytes:.0f}", now.threads, now.files), strict=True):
            row.append(str(value))
    return table


if __name__ == "__main__":
    sys.exit(main())
