"""How much memory an optimisation of pixels takes, and how much there is: asked before, not found out after."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch

from training.errors import TrainingError
from training.vgg import convolutions_to

FIXED = 400 << 20  # bytes: the weights, twice, and what torch's convolutions set up; torch itself is loaded already
SPARE = 0.9  # of what is free may be taken
CGROUP = Path("/sys/fs/cgroup")


def bytes_needed(pixels: int, network: str, layers: tuple[str, ...], history: int) -> int:
    """An upper estimate for one picture of so many pixels, backward pass included.

    For every pixel (4 bytes a value): each convolution's output is kept for the way back, and a copy of it with
    margins for the next one; each pooling keeps its output and the places of its maxima (8 bytes); the widest layer
    needs four more of its kind at its own moment: copies in another layout, its gradient and that of its input.
    L-BFGS keeps two pictures a step and a few to work with.
    """
    values, widest = 0.0, 0.0
    for convolution in convolutions_to(network, layers):
        size = convolution.outputs / convolution.stride**2
        values += 2 * size
        widest = max(widest, size)
        if convolution.name.endswith("_1"):
            values += 3 * size / 2  # the pooling before it: half its channels, values and places
    pictures = 3 * (2 * history + 12)
    return FIXED + round(pixels * 4 * (values + 4 * widest + pictures))


def bytes_free(device: str) -> int | None:
    """What may still be taken, or None where the system does not say."""
    if device.startswith("cuda"):
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    found = [value for value in (_system_free(), _cgroup_free()) if value is not None]
    return min(found, default=None)


def check(
    size: tuple[int, int], painting: tuple[int, int], network: str, layers: tuple[str, ...], history: int, device: str
) -> None:
    """Raise TrainingError, naming a size that fits, where a picture and a painting of these sizes do not fit.

    A painting is only looked at: without a way back its pixels take less than half of the picture's.
    """
    free = bytes_free(device)
    if free is None:
        return
    (height, width), (rows, columns) = size, painting
    needed = bytes_needed(max(height * width, rows * columns // 2), network, layers, history)
    limit = SPARE * free
    if needed <= limit:
        return
    fits = max(0.0, (limit - FIXED) / (needed - FIXED))
    longest = int(max(height, width) * math.sqrt(fits)) // 16 * 16
    advice = f"--size {longest} fits" if longest >= 64 else "no useful size fits"
    raise TrainingError(
        f"{width}x{height} would take about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; {advice}"
    )


def _system_free() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None
    except OSError:  # not Linux: all that is built in is the best that can be said without another package
        names = getattr(os, "sysconf_names", {})
        if "SC_PHYS_PAGES" not in names:
            return None
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroup_free() -> int | None:
    """In a container with a limit of its own (cgroup 2)."""
    try:
        limit, used = (CGROUP / "memory.max").read_text(), int((CGROUP / "memory.current").read_text())
        kinds = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        used -= int(kinds["inactive_file"])  # files kept in memory as long as there is room
        return None if limit.strip() == "max" else max(0, int(limit) - used)
    except (OSError, ValueError, KeyError):
        return None
