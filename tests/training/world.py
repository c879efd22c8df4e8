"""Fixtures for training: photos, paintings, and VGG weights of the right shape with random values."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from training.vgg import Convolution, convolutions_to

# `stylize-train` in steps of one small crop that shows the style after each step, without an int8 model, which takes a
# minute.
QUICK_TRAINING = """
import sys
from dataclasses import replace
from training import cli, fine_tune, learning_style, train, user_styles
schedule = fine_tune._schedule
fine_tune._schedule = lambda request: replace(schedule(request), batch=1, crop=64, painting=128, faces=1)
learning_style.FIRST_SECONDS, learning_style.INTERVAL_SECONDS, learning_style.MAX_TIME_SHARE = 0.0, 0.5, 1.0
train.REPORT_INTERVAL_STEPS = 1
user_styles.has_int8_instructions = lambda: False
sys.exit(cli.main())
"""


def random_vgg(needed: list[Convolution], path: Path) -> Path:
    """Write random weights for these convolutions, scaled so that activations neither vanish nor explode."""
    generator = torch.Generator().manual_seed(0)
    state, inputs = {}, 3
    for convolution in needed:
        shape, scale = (convolution.outputs, inputs, 3, 3), (2 / (9 * inputs)) ** 0.5
        state[f"features.{convolution.index}.weight"] = torch.randn(shape, generator=generator) * scale
        state[f"features.{convolution.index}.bias"] = torch.zeros(convolution.outputs)
        inputs = convolution.outputs
    save_file(state, path)
    return path


@dataclass(frozen=True)
class Finished:
    """The exit status of a command and what it printed."""

    status: int
    out: str
    err: str


def run_in_process(main: Callable[[list[str]], int], arguments: list[str]) -> Finished:
    """Run a command's entry point in this process, where torch is loaded already."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
    return Finished(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return VGG-16 weights up to the deepest layer of the training."""
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    return random_vgg(convolutions_to("vgg16", ("relu4_3",)), path)


@pytest.fixture(scope="session")
def vgg19_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return VGG-19 weights up to relu5_1."""
    return random_vgg(convolutions_to("vgg19", ("relu5_1",)), tmp_path_factory.mktemp("vgg") / "vgg19.safetensors")


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Return a folder with photos/, paintings/ and run.toml for a run of 24 photos."""
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
outer = 4
channels = 8
deep = 16
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
