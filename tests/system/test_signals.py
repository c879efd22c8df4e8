"""Deferred interrupts, also while torch is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.system.signals import defer_interrupts

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def sigint_raises() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt, which background jobs of a shell ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_defer_interrupts_raises_after_the_block() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), defer_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        seen.append("went on")
    assert seen == ["went on"] and signal.getsignal(signal.SIGINT) is before


def test_defer_interrupts_does_not_hide_an_error_of_the_block() -> None:
    with pytest.raises(ImportError), defer_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        raise ImportError


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what a process has loaded")
def test_training_interrupted_while_torch_is_imported_stops_cleanly(world: Path, vgg_file: Path) -> None:
    command = [
        *(sys.executable, "-m", "training.cli", "--config", str(world / "run.toml"), "--device", "cpu"),
        *("--photos", str(world / "photos"), "--paintings", str(world / "paintings")),
        *("--vgg", str(vgg_file), "-o", str(world / "out")),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    maps = Path(f"/proc/{process.pid}/maps")
    while "libtorch" not in maps.read_text():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (130, "stopped; the same command goes on from here\n")
    assert not (world / "out").exists(), "the training had not started"
