"""Which numbers a machine is quick with: many a processor computes bfloat16 at a tenth of its speed."""

from __future__ import annotations

import time

import torch
import torch.nn.functional as F

SHAPE = (2, 64, 64, 64)  # of the activations tried
ROUNDS = 3


def quick_dtype(device: str) -> torch.dtype:
    """bfloat16 where the device computes in it, else float32. A processor is let do a convolution of each: 0.1 s."""
    if torch.device(device).type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return min((torch.float32, torch.bfloat16), key=lambda dtype: _seconds(device, dtype))


def _seconds(device: str, dtype: torch.dtype) -> float:
    """The shortest time for one convolution, the first one not counted."""
    weight = torch.ones((SHAPE[1], SHAPE[1], 3, 3), device=device, dtype=dtype)
    x = torch.ones(SHAPE, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
    times = []
    with torch.no_grad():
        for _ in range(1 + ROUNDS):
            before = time.perf_counter()
            F.conv2d(x, weight).sum().item()  # waits for the result on every device
            times.append(time.perf_counter() - before)
    return min(times[1:])
