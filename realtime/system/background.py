"""Processes that work beside the live picture without slowing it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

NICENESS = 10  # of 19: beside a program of niceness 0 it gets a tenth of a busy processor


def start_in_background(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a command at a low priority. Its standard output and error are one stream of lines. Raises OSError."""
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),  # Windows has it
    )
    if sys.platform != "win32":
        with suppress(OSError):  # it has ended
            niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, process.pid))
            os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
    return process
