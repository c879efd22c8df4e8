"""Config files of training runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.checkpoint import load_checkpoint
from training.config import read_config
from training.errors import TrainingError

ROOT = Path(__file__).parents[2]


def test_shipped_configs_match_their_checkpoints() -> None:
    configs = {name: read_config(ROOT / f"training/{name}.toml") for name in ("live", "wide")}
    assert len(configs["live"].paintings) >= 4
    for name, config in configs.items():
        state = load_checkpoint(ROOT / f"training/checkpoints/{name}.pt")
        assert config.paintings == configs["live"].paintings
        assert (state.network.architecture, state.styles) == (config.architecture, config.names)
        assert state.photos == config.schedule.photos


def test_pyramid_config_has_the_paintings_of_the_live_model() -> None:
    pyramid, live = (read_config(ROOT / f"training/{name}.toml") for name in ("pyramid", "live"))
    assert pyramid.schedule.loss == "pyramid" and pyramid.architecture.matrices
    assert [(p.name, p.file) for p in pyramid.paintings] == [(p.name, p.file) for p in live.paintings]


def test_config_with_paintings_of_itself_is_refused(world: Path) -> None:
    (world / "run.toml").write_text('paintings_of = "run.toml"\n' + (world / "run.toml").read_text())
    with pytest.raises(TrainingError, match="names the file itself"):
        read_config(world / "run.toml")
