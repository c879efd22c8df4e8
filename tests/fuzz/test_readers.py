"""Each reader gets inputs that are almost valid: only the program's own errors may come of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.readers import READERS
from tests.fuzz.runner import run

INPUTS = {
    "track": 200,
    "config": 60,
    "model": 60,
    "checkpoint": 60,
    "picture": 150,
    "film": 12,
    "mjpeg": 30,
    "page": 120,
}


@pytest.mark.parametrize("name", READERS)
def test_mutated_input_is_read_or_refused_in_one_line(tmp_path: Path, name: str) -> None:
    outcome = run(READERS[name], tmp_path, inputs=INPUTS[name])
    assert outcome.inputs == INPUTS[name]
    assert not outcome.failures, outcome.kinds
    assert outcome.refused > 0, "nothing was refused: are the inputs mutated?"
