"""Run window, recording, web page with a viewer and virtual camera together for minutes; no resource may grow.

    python -m benchmarks.endurance [--minutes 10] [--provider auto]

Linux, with Xvfb, openbox, xdotool and ffprobe. Where there is no virtual-camera device, that output is left out.
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

from benchmarks.live import SCREEN_SIZE, SETTLE_SECONDS
from benchmarks.machine import load, machine, print_table
from benchmarks.processes import ProcessState, read_state
from benchmarks.screen import check_installed, virtual_screen

PROGRAMS = ("Xvfb", "openbox", "xdotool", "ffprobe")
WARM_UP_SECONDS = 20.0  # after this time everything that is allocated once has been allocated
PERIODS = 2  # the resources are read at the end of each period


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--provider", default="auto")
    arguments = parser.parse_args()
    if not check_installed("benchmarks.endurance", PROGRAMS):
        return 1
    with virtual_screen(SCREEN_SIZE) as display, tempfile.TemporaryDirectory() as folder:
        states, times, summary = run_app(display, Path(folder), 60 * arguments.minutes, arguments.provider)
    table = Table("", "start", "middle", "end", title=f"endurance, {machine()}, {load()}", box=box.SIMPLE_HEAD)
    for row in make_rows(states, times):
        table.add_row(*row)
    print_table(table)
    print(summary)
    return 0


def run_app(display: str, folder: Path, seconds: float, provider: str) -> tuple[list[ProcessState], list[float], str]:
    """Run the app with all outputs.

    Returns its resources at the start, in the middle and at the end, the times of the recorded frames in seconds, and
    a line that sums up the recording.
    """
    environment = os.environ | {"DISPLAY": display}
    command = [sys.executable, "-m", "realtime", "--demo", "--provider", provider]
    app = subprocess.Popen(
        [*command, "--serve", "0", "--virtual-camera"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert app.stdout is not None
        page_url = next(line.split()[1] for line in app.stdout if line.startswith("page: "))
        viewer = threading.Thread(target=watch, args=(page_url,), daemon=True)
        viewer.start()
        time.sleep(SETTLE_SECONDS)
        press("r", environment)
        begin = time.perf_counter()
        time.sleep(WARM_UP_SECONDS)
        states = [read_state(app.pid)]
        for _ in range(PERIODS):
            time.sleep((seconds - WARM_UP_SECONDS) / PERIODS)
            states.append(read_state(app.pid))
        press("r", environment)
        recorded_seconds = time.perf_counter() - begin
        if not viewer.is_alive():
            raise SystemExit("benchmarks.endurance: the page has closed the connection of its viewer")
        time.sleep(SETTLE_SECONDS)
        press("q", environment)
        app.communicate(timeout=60)
    finally:
        app.kill()
    return states, *check_recording(next(folder.glob("*.mp4")), recorded_seconds)


def watch(page_url: str) -> None:
    """Read the page's stream as a viewer does, until it ends."""
    with urlopen(page_url + "stream.mjpg", timeout=60) as stream:
        while stream.read1(1 << 16):
            pass


def press(key: str, environment: dict[str, str]) -> None:
    """Press a key in the window."""
    subprocess.run(["xdotool", "key", key], env=environment, check=True)


def check_recording(video: Path, expected_seconds: float) -> tuple[list[float], str]:
    """Return the times of the recorded frames in seconds, and a line that sums up the recording.

    expected_seconds: time between the two presses of the recording key.
    """
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "format=duration:stream=codec_type"]
    found = json.loads(subprocess.run([*command, video], stdout=subprocess.PIPE, check=True).stdout)
    command = ["ffprobe", "-v", "error", "-of", "csv=p=0", "-select_streams", "v", "-show_entries", "frame=pts_time"]
    lines = subprocess.run([*command, video], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    times = [float(line.strip(",")) for line in lines]
    kinds = [stream["codec_type"] for stream in found["streams"]]
    are_rising = all(one < other for one, other in itertools.pairwise(times))
    duration = f"{float(found['format']['duration']):.2f} s of {expected_seconds:.2f} s by the clock"
    rise = "rise" if are_rising else "DO NOT RISE"
    return times, f"recording: {duration}, {len(times)} pictures, times {rise}, streams: {', '.join(kinds)}"


def make_rows(states: list[ProcessState], times: list[float]) -> list[list[str]]:
    """Return the rows of the table: a quantity, and its values at the start, in the middle and at the end.

    Rates are those of the period before. times: of the recorded frames, in seconds.
    """
    table = [[name] for name in ("fps recorded", "CPU, % of one core", "memory, MB", "threads", "open files")]
    for before, now in zip([None, *states], states, strict=False):
        if before is None:
            table[0].append("")
            table[1].append("")
        else:
            begin, end = (WARM_UP_SECONDS + state.time - states[0].time for state in (before, now))
            table[0].append(f"{sum(begin <= time < end for time in times) / (end - begin):.1f}")
            table[1].append(f"{100 * (now.cpu - before.cpu) / (now.time - before.time):.0f}")
        for row, value in zip(table[2:], (f"{now.megabytes:.0f}", now.threads, now.files), strict=True):
            row.append(str(value))
    return table


if __name__ == "__main__":
    sys.exit(main())
