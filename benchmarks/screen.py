"""A virtual screen with a window manager, which gives a window the keyboard focus."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PACKAGES = "xvfb openbox xdotool ffmpeg"
FRAMEBUFFER = "Xvfb_screen0"
START_SECONDS = 60.0  # deadline for the window manager to start


def check_installed(benchmark: str, programs: Sequence[str]) -> bool:
    """Tell whether all programs are installed; print what to install if not."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        print(f"{benchmark}: {', '.join(missing)} not found; on Debian: apt-get install {PACKAGES}", file=sys.stderr)
    return not missing


@contextmanager
def virtual_screen(
    size: tuple[int, int], framebuffer_folder: Path | None = None, *, window_manager: bool = True
) -> Iterator[str]:
    """Start Xvfb and, unless there is to be no window manager, openbox; yield the display's name when both are ready.

    size: (width, height). framebuffer_folder: where the server is to hold its pixels, in a file called FRAMEBUFFER in
    the XWD format (a header, then BGRX of every pixel); it then draws no pointer.
    """
    read, write = os.pipe()
    # Without -noreset the server restarts whenever its last client disconnects, such as a screenshot's.
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size[0]}x{size[1]}x24", "-noreset"]
    command += ["-nolisten", "tcp"]
    if framebuffer_folder is not None:
        command += ["-fbdir", str(framebuffer_folder), "-nocursor"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    if not number:
        raise RuntimeError("Xvfb did not start")
    environment = os.environ | {"DISPLAY": f":{number}"}
    processes = [server]
    try:
        if window_manager:
            processes.insert(0, subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL))
            _wait_for_window_manager(environment)
        # The first key press makes xdotool's keyboard the current one; programs that run by then read their key map
        # anew, and may lose that press. No key follows while they do so, if none of them runs yet.
        subprocess.run(["xdotool", "key", "Shift_L"], env=environment, check=True, timeout=START_SECONDS)
        yield f":{number}"
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)


def _wait_for_window_manager(environment: dict[str, str]) -> None:
    """Wait until a window manager runs. Raises RuntimeError if it does not start."""
    deadline = time.perf_counter() + START_SECONDS
    while not _has_window_manager(environment):
        if time.perf_counter() > deadline:
            raise RuntimeError("openbox did not start")
        time.sleep(0.1)


def _has_window_manager(environment: dict[str, str]) -> bool:
    """Tell whether a window manager runs: only then the number of desktops is known."""
    completed = subprocess.run(["xdotool", "get_num_desktops"], env=environment, capture_output=True, timeout=30)
    return completed.returncode == 0 and completed.stdout.strip().isdigit() and int(completed.stdout) > 0
