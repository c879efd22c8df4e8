"""The description of the machine, for the titles of tables and plots."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table

from realtime.system.hardware import cpu_info, nvidia_gpus


def machine() -> str:
    """Return the CPU, number of cores, GPUs, system and the versions of the runtimes."""
    parts = [f"{cpu_info()[0]}, {os.cpu_count()} cores", *nvidia_gpus(), platform.platform(terse=True)]
    parts += [f"{name} {found}" for name in ("onnxruntime-gpu", "onnxruntime", "openvino") if (found := _version(name))]
    return ", ".join(parts)


def short_machine() -> str:
    """Return the CPU, number of cores, GPUs and the load: short enough for the title of a plot."""
    return ", ".join([f"{cpu_info()[0]}, {os.cpu_count()} cores", *nvidia_gpus(), load()])


def load() -> str:
    """Return the load average of the last minute. Above 0.5 per core only ratios within one run are meaningful."""
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"


def print_table(table: Table) -> None:
    """Print a table, as wide as the terminal, or 200 columns wide into a file."""
    console = Console()
    console.print(table) if console.is_terminal else Console(width=200).print(table)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
