"""The choice between bfloat16 and float32."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from training.config import read_config
from training.precision import fastest_dtype
from training.train import Files, train


def test_processor_without_bfloat16_computes_in_float32() -> None:
    cpu = torch.cpu.get_capabilities()
    dtype = fastest_dtype("cpu")
    assert dtype in (torch.float32, torch.bfloat16)
    if cpu.get("architecture") == "x86_64" and not (cpu["avx512_bf16"] or cpu["amx_bf16"] or cpu["avx512_f"]):
        assert dtype is torch.float32, "bfloat16 would take ten times as long"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fastest_dtype_returns_the_one_with_the_shorter_time(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "training.precision._convolution_seconds", lambda device, measured: 0.1 if measured is dtype else 0.2
    )
    assert fastest_dtype("cpu") is dtype


def test_fastest_dtype_does_not_advance_the_random_generator() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    fastest_dtype("cpu")
    torch.testing.assert_close(torch.rand(3), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_training_reduces_the_style_loss_in_both_dtypes(
    dtype: torch.dtype, world: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.train.fastest_dtype", lambda device: dtype)
    files = Files(world / "photos", world / "paintings", vgg_file, world / f"out_{dtype}")
    state = train(read_config(world / "run.toml"), files, "cpu", lambda report: None)
    log = [json.loads(line) for line in (files.run / "losses.jsonl").read_text().splitlines()]
    losses = [entry["style_loss"] for entry in log]
    assert state.photos == 24 and sum(losses[:8]) > sum(losses[-8:]) > 0
