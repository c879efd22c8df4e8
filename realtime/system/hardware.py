"""What this machine has: NVIDIA GPUs, cores, and a processor that multiplies bytes."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from pathlib import Path


@cache
def _nvidia() -> tuple[int, tuple[tuple[str, tuple[int, int]], ...]]:
    """The major version of CUDA that NVIDIA's driver knows; of each GPU the name and the compute capability."""
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
    """The names of the NVIDIA GPUs that the driver shows; empty where there is no driver."""
    return tuple(name for name, _ in _nvidia()[1])


def cuda_of_driver() -> int:
    """The major version of CUDA that NVIDIA's driver is for; 0 where there is none."""
    return _nvidia()[0]


def capability() -> tuple[int, int]:
    """The compute capability of the first NVIDIA GPU, which is the one that is used."""
    return _nvidia()[1][0][1]


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


@cache
def cores() -> int:
    """Physical ones where Linux tells, else all there are."""
    try:
        blocks = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")
    except OSError:
        blocks = []
    kinds = "physical id", "core id"
    places = {tuple(line for line in block.splitlines() if line.startswith(kinds)) for block in blocks}
    return len(places - {()}) or os.cpu_count() or 1


def multiplies_bytes() -> bool:
    """Whether int8 is worth a trial here.

    With AVX2 alone sums of two products saturate at 16 bits; that changed no picture of 152 by more than 0.3 dB.
    Where instruction sets are not told, as on Windows and macOS, nearly every machine of today has one of these.
    """
    sets = processor()[1]
    return not sets or bool(sets & {"avx512_vnni", "avx_vnni", "avx2", "asimddp"})
