"""A virtual screen with a window manager, as people have: without one Qt's window now and then stays black."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

PACKAGES = "xvfb openbox xdotool ffmpeg"
PATIENCE = 30.0  # s for the window manager to start


def has(benchmark: str, programs: Sequence[str]) -> bool:
    """Whether all of them are installed; says what to do where not."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        print(f"{benchmark}: {', '.join(missing)} not found; on Debian: apt-get install {PACKAGES}", file=sys.stderr)
    return not missing


@contextmanager
def virtual_screen(size: tuple[int, int]) -> Iterator[str]:
    """Xvfb and openbox, both ready; gives the display's name. size: (width, height)."""
    read, write = os.pipe()
    server = subprocess.Popen(
        # -noreset: else it starts afresh whenever a screenshot's client is the last one to leave.
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    if not number:
        raise RuntimeError("Xvfb did not start")
    environment = os.environ | {"DISPLAY": f":{number}"}
    manager = subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.perf_counter() + PATIENCE
        while not _managed(environment):
            if time.perf_counter() > deadline:
                raise RuntimeError("openbox did not start")
            time.sleep(0.1)
        yield f":{number}"
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait(10)


def _managed(environment: dict[str, str]) -> bool:
    """Whether a window manager runs: only then are there desktops to count."""
    done = subprocess.run(["xdotool", "get_num_desktops"], env=environment, capture_output=True, timeout=30)
    return done.returncode == 0 and done.stdout.strip().isdigit() and int(done.stdout) > 0
