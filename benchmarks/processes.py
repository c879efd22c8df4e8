"""CPU time and memory of a process, read from Linux's /proc."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and all its threads so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_megabytes(pid: int) -> float:
    """Return the peak resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


@dataclass(frozen=True)
class ProcessState:
    """The resources of a process at one time.

    time: `time.perf_counter()`. cpu: CPU time so far, in seconds. megabytes: resident memory, in MiB.
    threads, files: number of threads and of open files.
    """

    time: float
    cpu: float
    megabytes: float
    threads: int
    files: int


def read_state(pid: int) -> ProcessState:
    """Read the resources of a process now."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    megabytes = int(fields["VmRSS"].split()[0]) / 1024
    files = len(os.listdir(f"/proc/{pid}/fd"))
    return ProcessState(time.perf_counter(), cpu_seconds(pid), megabytes, int(fields["Threads"]), files)
