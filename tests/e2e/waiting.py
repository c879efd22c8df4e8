"""Waiting for conditions: a busy machine makes tests slower, not wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from benchmarks.processes import cpu_seconds

T = TypeVar("T")
TIMEOUT = 90.0  # seconds
POLL_SECONDS = 0.05
CPU_SECONDS = 2.0  # over which a process is watched
IDLE_CPU = 0.25  # share of a core that a process that rests stays below


def wait_until(condition: Callable[[], T], message: str, seconds: float = TIMEOUT) -> T:
    """Return the value of the condition once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, message
        time.sleep(POLL_SECONDS)
    return value


def wait_until_idle(pid: int) -> None:
    """Wait until a process uses hardly any processor time."""

    def is_idle() -> bool:
        before = cpu_seconds(pid)
        time.sleep(CPU_SECONDS)
        return cpu_seconds(pid) - before < CPU_SECONDS * IDLE_CPU

    wait_until(is_idle, "it does not rest")
