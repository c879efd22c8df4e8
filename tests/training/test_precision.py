from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from training.config import read_config
from training.precision import quick_dtype
from training.train import Files, train


def test_a_processor_without_bfloat16_is_not_made_to_compute_in_it() -> None:
    has = torch.cpu.get_capabilities()
    quick = quick_dtype("cpu")
    assert quick in (torch.float32, torch.bfloat16)
    if has.get("architecture") == "x86_64" and not (has["avx512_bf16"] or has["amx_bf16"] or has["avx512_f"]):
        assert quick is torch.float32, "where it would take ten times as long"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_quicker_one_is_taken(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.precision._seconds", lambda device, tried: 0.1 if tried is dtype else 0.2)
    assert quick_dtype("cpu") is dtype


def test_trying_it_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    quick_dtype("cpu")
    torch.testing.assert_close(torch.rand(3), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_run_learns_in_either(
    dtype: torch.dtype, world: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.train.quick_dtype", lambda device: dtype)
    files = Files(world / "photos", world / "paintings", vgg_file, world / f"out_{dtype}")
    state = train(read_config(world / "run.toml"), files, "cpu", lambda report: None)
    log = [json.loads(line) for line in (files.run / "losses.jsonl").read_text().splitlines()]
    losses = [entry["style_loss"] for entry in log]
    assert state.photos == 24 and sum(losses[:8]) > sum(losses[-8:]) > 0
