"""What this machine has: NVIDIA GPUs, and a processor that multiplies bytes."""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache
from pathlib import Path


@cache
def nvidia_gpus() -> tuple[str, ...]:
    """The names of the NVIDIA GPUs that the driver shows; empty where there is no driver."""
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int()
        if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return ()
        names = []
        for number in range(count.value):
            device, text = ctypes.c_int(), ctypes.create_string_buffer(128)
            cuda.cuDeviceGet(ctypes.byref(device), number)
            cuda.cuDeviceGetName(text, len(text), device)
            names.append(text.value.decode(errors="replace"))
        return tuple(names)
    except (OSError, AttributeError):
        return ()


@cache
def processor() -> tuple[str, frozenset[str]]:
    """Its name and its instruction sets as Linux calls them; elsewhere the name alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), frozenset()
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags") or fields.get("Features", "")  # x86, ARM
    return fields.get("model name", platform.machine()), frozenset(flags.split())


def multiplies_bytes() -> bool:
    """Whether int8 is both fast and exact here: without these instructions x86 sums saturate at 16 bits."""
    return bool(processor()[1] & {"avx512_vnni", "avx_vnni", "asimddp"})
