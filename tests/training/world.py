"""A small world to train in: photos, paintings, and a VGG of the right shape with random weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from training.vgg import STAGES


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = torch.Generator().manual_seed(0)
    state, inputs = {}, 3
    for stage in STAGES:
        for index, outputs in stage:
            scale = (2 / (9 * inputs)) ** 0.5
            state[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * scale
            state[f"features.{index}.bias"] = torch.zeros(outputs)
            inputs = outputs
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    save_file(state, path)
    return path


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with photos/, paintings/ and run.toml for a run of 24 photos."""
    rng = np.random.default_rng(0)
    for folder, count in (("photos", 5), ("paintings", 2)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            small = rng.integers(0, 256, (12, 16, 3), np.uint8)
            picture = cv2.resize(small, (160, 120), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(tmp_path / folder / f"{number}.jpg"), picture)
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"not a picture")
    (tmp_path / "run.toml").write_text(
        """
[network]
channels = 8
outer = 4
blocks = 1
[schedule]
photos = 24
batch = 2
crop = 32
shift = 3
painting = 64
warmup = 2
[[painting]]
name = "one"
file = "0.jpg"
[[painting]]
name = "two"
file = "1.jpg"
style_weight = 2.0
"""
    )
    return tmp_path
