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
def usable_cores() -> int:
    """Return the number of physical cores that this process may use.

    Linux restricts them by affinity (`taskset`, cpusets) and by quota (cgroups, as of containers). Elsewhere logical
    cores are counted.
    """
    cores = _physical_cores()
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, round(quota)))


def is_restricted() -> bool:
    """Whether this process may use fewer cores than the machine has."""
    affinity = len(os.sched_getaffinity(0)) if sys.platform == "linux" else None
    return affinity not in (None, os.cpu_count()) or usable_cores() < _physical_cores()


def _physical_cores() -> int:
    """Return the number of physical cores in this process's affinity."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    try:
        blocks = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")
    except OSError:
        blocks = []
    places = set()
    for block in blocks:
        fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in block.split("\n"))}
        if "core id" in fields and fields.get("processor", "").isdigit() and int(fields["processor"]) in allowed:
            places.add((fields.get("physical id"), fields["core id"]))
    return len(places) or len(allowed)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the cores' worth of time that the cgroups of this process allow, or None without a limit.

    The smallest limit on the way up counts. root: of the file system, for tests.
    """
    if sys.platform != "linux":
        return None
    groups = _read_text(root / "proc/self/cgroup").splitlines()
    limits: list[float] = []
    for line in groups:
        _, controllers, place = [*line.split(":", 2), "", ""][:3]
        names = controllers.split(",")
        if controllers and "cpu" not in names:
            continue
        mounts = [root / "sys/fs/cgroup" / name for name in (controllers, "cpu")] if controllers else []
        for mount in mounts or [root / "sys/fs/cgroup", root / "sys/fs/cgroup/unified"]:
            # A container may see its own group as the root, under the name that it has outside.
            for folder in [mount, *(mount / Path(*parts) for parts in _prefixes(place))]:
                limits += _limit_of(folder)
    return min(limits, default=None)


def _prefixes(place: str) -> list[tuple[str, ...]]:
    """Return the parts of a cgroup's path and of all groups above it."""
    parts = tuple(part for part in place.split("/") if part not in ("", ".."))
    return [parts[: n + 1] for n in range(len(parts))]


def _limit_of(folder: Path) -> list[float]:
    """Return the quota of one cgroup in cores, in a list, or nothing."""
    words = _read_text(folder / "cpu.max").split()
    words = words or [_read_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    if len(words) != 2 or not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        return []  # "max" or -1: no limit
    return [int(words[0]) / int(words[1])]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def has_int8_instructions() -> bool:
    """Return whether the CPU has instructions that make int8 networks worth a try.

    With AVX2 alone sums of two products saturate at 16 bits; that changed no picture of 152 by more than 0.3 dB.
    Windows and macOS do not report instruction sets, but nearly every machine they run on has one of these.
    """
    sets = cpu_info()[1]
    return not sets or bool(sets & {"avx512_vnni", "avx_vnni", "avx2", "asimddp"})
