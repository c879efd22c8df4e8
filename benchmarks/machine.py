"""The machine that a table was measured on, in words."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table

from realtime.system.hardware import cpu_info, nvidia_gpus


def machine() -> str:
    """Processor, cores, GPUs, system, and the versions that decide."""
    parts = [f"{cpu_info()[0]}, {os.cpu_count()} cores", *nvidia_gpus(), platform.platform(terse=True)]
    parts += [f"{name} {found}" for name in ("onnxruntime-gpu", "onnxruntime", "openvino") if (found := _version(name))]
    return ", ".join(parts)


def short_machine() -> str:
    """Processor, cores and GPUs: what fits over a plot."""
    return ", ".join([f"{cpu_info()[0]}, {os.cpu_count()} cores", *nvidia_gpus(), load()])


def load() -> str:
    """How busy it was otherwise: above 0.5 a core, ratios within one run are all that counts."""
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"


def print_table(table: Table) -> None:
    """On a terminal as wide as that is, into a file as wide as it takes."""
    console = Console()
    console.print(table) if console.is_terminal else Console(width=200).print(table)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
