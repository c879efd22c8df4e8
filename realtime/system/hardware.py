"""Detection of NVIDIA GPUs, CPU cores and int8 instructions."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from pathlib import Path


@cache
def _nvidia() -> tuple[int, tuple[tuple[str, tuple[int, int]], ...]]:
    """Return the driver's major version of CUDA, and the name and compute capability of each GPU."""
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count, version = ctypes.c_int(), ctypes.c_int()
        if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return 0, ()
        cuda.cuDriverGetVersion(ctypes.byref(version))
        found = []
        for number in range(count.value):
            device, text = ctypes.c_int(), ctypes.create_string_buffer(128)
            capability = ctypes.c_int(), ctypes.c_int()
            cuda.cuDeviceGet(ctypes.byref(device), number)
            cuda.cuDeviceGetName(text, len(text), device)
            for value, attribute in zip(capability, (75, 76), strict=True):  # ..._COMPUTE_CAPABILITY_MAJOR, _MINOR
                cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
            found.append((text.value.decode(errors="replace"), (capability[0].value, capability[1].value)))
        return version.value // 1000, tuple(found)
    except (OSError, AttributeError):
        return 0, ()


def nvidia_gpus() -> tuple[str, ...]:
    """Return the names of the NVIDIA GPUs that the driver reports; without a driver there are none."""
    return tuple(name for name, _ in _nvidia()[1])


def driver_cuda_version() -> int:
    """Return the major version of CUDA that NVIDIA's driver supports, or 0 without a driver."""
    return _nvidia()[0]


def compute_capability() -> tuple[int, int]:
    """Return (major, minor) of the compute capability of the first NVIDIA GPU, which is the one in use."""
    return _nvidia()[1][0][1]


@cache
def cpu_info() -> tuple[str, frozenset[str]]:
    """Return the CPU's name and its instruction sets by Linux's names; other systems report the name alone."""
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


@cache
def physical_cores() -> int:
    """Return the number of physical cores on Linux, elsewhere of logical ones."""
    try:
        blocks = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")
    except OSError:
        blocks = []
    kinds = "physical id", "core id"
    places = {tuple(line for line in block.splitlines() if line.startswith(kinds)) for block in blocks}
    return len(places - {()}) or os.cpu_count() or 1


def has_int8_instructions() -> bool:
    """Return whether the CPU has instructions that make int8 networks worth a try.

    With AVX2 alone sums of two products saturate at 16 bits; that changed no picture of 152 by more than 0.3 dB.
    Windows and macOS do not report instruction sets, but nearly every machine they run on has one of these.
    """
    sets = cpu_info()[1]
    return not sets or bool(sets & {"avx512_vnni", "avx_vnni", "avx2", "asimddp"})
