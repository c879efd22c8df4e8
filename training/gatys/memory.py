"""The memory that an optimization of pixels needs, compared with what is available before it starts."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch

from training.errors import TrainingError
from training.vgg import convolutions_to

FIXED_BYTES = 400 << 20  # the weights twice, and the workspace of torch's convolutions; torch itself is loaded already
USABLE_SHARE = 0.9  # share of the available memory that an optimization may take
SMALLEST_USEFUL_SIDE = 64  # pixels
VALUE_BYTES = 4  # float32
CGROUP_FOLDER = Path("/sys/fs/cgroup")


def bytes_needed(pixels: int, network: str, layers: tuple[str, ...], history_steps: int, levels: int = 1) -> int:
    """Return an upper estimate for one image of that many pixels, backward pass included.

    Counted in values per pixel: each convolution's output is kept for the backward pass, and a padded copy of it for
    the next convolution; each pooling keeps its output and the positions of its maxima (8 bytes each); the widest layer
    needs four more of its size while it is computed: copies in another layout, its gradient and that of its input.
    L-BFGS keeps two images per step of its history and a few more. levels: of a Gram pyramid; each has a quarter of the
    pixels of the one before.
    """
    values, widest = 0.0, 0.0
    for convolution in convolutions_to(network, layers):
        size = convolution.outputs / convolution.stride**2
        values += 2 * size
        widest = max(widest, size)
        if convolution.name.endswith("_1"):
            values += 3 * size / 2  # the pooling before it: half its channels, outputs and positions
    values *= sum(0.25**level for level in range(levels))
    optimizer_values = 3 * (2 * history_steps + 12)
    return FIXED_BYTES + round(pixels * VALUE_BYTES * (values + 4 * widest + optimizer_values))


def bytes_free(device: str) -> int | None:
    """Return the available memory, or None where the system does not report it."""
    if device.startswith("cuda"):
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    known = [value for value in (_system_bytes_free(), _cgroup_bytes_free()) if value is not None]
    return min(known, default=None)


def check_fits(
    size: tuple[int, int],
    painting: tuple[int, int],
    network: str,
    layers: tuple[str, ...],
    history_steps: int,
    device: str,
    levels: int = 1,
) -> None:
    """Raise TrainingError, naming a size that fits, where an image and a painting of these sizes do not.

    size, painting: height and width in pixels. A painting has no backward pass, so each of its pixels takes less than
    half of one of the image's.
    """
    free = bytes_free(device)
    if free is None:
        return
    (height, width), (rows, columns) = size, painting
    needed = bytes_needed(max(height * width, rows * columns // 2), network, layers, history_steps, levels)
    limit = USABLE_SHARE * free
    if needed <= limit:
        return
    area_ratio = max(0.0, (limit - FIXED_BYTES) / (needed - FIXED_BYTES))
    long_side = int(max(height, width) * math.sqrt(area_ratio)) // 16 * 16
    advice = f"--size {long_side} fits" if long_side >= SMALLEST_USEFUL_SIDE else "no useful size fits"
    raise TrainingError(
        f"{width}x{height} would take about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; {advice}"
    )


def _system_bytes_free() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None
    except OSError:
        # Only Linux has this file. Elsewhere the installed memory is the best estimate; Windows does not report that.
        names = getattr(os, "sysconf_names", {})
        if "SC_PHYS_PAGES" not in names:
            return None
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroup_bytes_free() -> int | None:
    """Return what the memory limit of a container (cgroup 2) leaves, or None where it has none."""
    try:
        limit, used = ((CGROUP_FOLDER / name).read_text() for name in ("memory.max", "memory.current"))
        statistics = dict(line.split() for line in (CGROUP_FOLDER / "memory.stat").read_text().splitlines())
        reclaimable = int(statistics["inactive_file"])  # cached files, which the kernel drops when memory is needed
        return None if limit.strip() == "max" else max(0, int(limit) - (int(used) - reclaimable))
    except (OSError, ValueError, KeyError):
        return None
