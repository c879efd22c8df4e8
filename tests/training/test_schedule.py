"""Training runs with settings of their own: the pyramid loss, and a learning rate for the style rows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.test_train import COARSE, change_config, save_checkpoint, train
from training.checkpoint import is_style_row, load_checkpoint


def extend_schedule(world: Path) -> int:
    """Extend the schedule; returns its photos."""
    change_config(world, ("photos = 24", "photos = 32"))
    return 32


def test_pyramid_trains_the_coarse_level_and_the_matrices(world: Path, vgg_file: Path) -> None:
    """The paintings are smaller than the config's size, so they are not scaled."""
    change_config(
        world,
        ("blocks = 1", f"blocks = 1\n{COARSE}"),
        ("crop = 32", 'crop = 64\nloss = "pyramid"\ndetail = 32\nshifted = 1'),
        ("painting = 64", "painting = 608"),
    )
    begin = save_checkpoint(world, world / "begin.pt")
    completed = train(world, vgg_file, "--start", str(world / "begin.pt"))
    assert completed.status == 0, completed.err
    after = load_checkpoint(world / "out/checkpoint.pt")
    assert (after.photos, after.network.architecture) == (24, begin.network.architecture)
    before, now = begin.network.state_dict(), after.network.state_dict()
    unchanged = {key for key in before if torch.equal(before[key], now[key])}
    assert not unchanged


def test_rows_factor_gives_style_rows_a_learning_rate_of_their_own(world: Path, vgg_file: Path) -> None:
    change_config(world, ("photos = 24", "photos = 24\nrows_factor = 3.0"))
    begin = save_checkpoint(world, world / "begin.pt")
    completed = train(world, vgg_file, "--start", str(world / "begin.pt"))
    assert completed.status == 0, completed.err
    after = load_checkpoint(world / "out/checkpoint.pt")
    first, second = after.optimizer["param_groups"]
    assert second["lr"] == pytest.approx(3 * first["lr"]) and first["lr"] > 0
    rows = [key for key, _ in after.network.named_parameters() if is_style_row(key)]
    assert (len(first["params"]), len(second["params"])) == (len(begin.network.state_dict()) - len(rows), len(rows))
    extended = extend_schedule(world)
    assert train(world, vgg_file).status == 0 and load_checkpoint(world / "out/checkpoint.pt").photos == extended


def test_run_from_before_rows_factor_continues(world: Path, vgg_file: Path) -> None:
    assert train(world, vgg_file).status == 0
    state = load_checkpoint(world / "out/checkpoint.pt")
    del state.optimizer["param_groups"][0]["factor"]
    state.save(world / "out/checkpoint.pt")
    extended = extend_schedule(world)
    completed = train(world, vgg_file)
    assert completed.status == 0, completed.err
    assert load_checkpoint(world / "out/checkpoint.pt").photos == extended
