"""Styles that come, improve and go while a live run goes on, written by a real training."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime import Live, Stylizer
from realtime.frame import Image
from realtime.live.style_watcher import StyleWatcher
from realtime.stylizer.library import LibraryFiles, load_library
from realtime.system.paths import shipped_folder, user_folder
from realtime.testing import FakeCamera, numbered_image
from tests.conftest import ROOT
from tests.training.world import QUICK_TRAINING, run_in_process
from training.cli import main

TIMEOUT = 200.0  # seconds


class Running:
    """A live run of a still picture with a watcher. lines: what came for the screen."""

    def __init__(self, models: Path | None = None) -> None:
        files = LibraryFiles(models)
        self.lines: list[str] = []
        stamps = files.stamps()
        self.stylizer = Stylizer("the_scream", provider="cpu", library=files.load())
        camera = FakeCamera(size=(64, 48), make_image=lambda _, size: numbered_image(0, size))
        self.live = Live(camera.source(), self.stylizer, height=48)
        self.watcher = StyleWatcher(self.live, files, stamps, self.lines.append, poll_seconds=0.05)

    @property
    def names(self) -> list[str]:
        return [style.name for _, style in self.live.look.library.styles]

    def wait(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < deadline and not self.live.done.is_set(), what
            time.sleep(0.02)

    def picture(self) -> Image:
        """Return the picture in the look that has been reached."""

        deadline = time.monotonic() + TIMEOUT
        while (frame := self.live.stylized.take(0.1)) is None or frame.look is not self.live.look.target:
            assert time.monotonic() < deadline, "the look is not reached"
        return frame.image

    @property
    def mix(self) -> list[tuple[str, float]]:
        return [(style.name, round(weight, 3)) for style, weight in self.live.look.target.mix]

    def model_name(self) -> str:
        return self.live.look.target.model.path.name


@contextmanager
def start_training(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def home(world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the world of the training with the user's folders in it, and a painting large enough to learn."""
    painting = cv2.imread(str(world / "paintings/0.jpg"))
    assert painting is not None
    cv2.imwrite(str(world / "grandma.png"), cv2.resize(painting, (400, 300), interpolation=cv2.INTER_CUBIC))
    monkeypatch.setenv("XDG_DATA_HOME", str(world / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(world / "cache"))
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: False)
    return world


@pytest.fixture
def running(home: Path) -> Iterator[Running]:
    running = Running()
    with running.stylizer, running.live, running.watcher:
        yield running


@pytest.mark.timeout(600)
def test_style_appears_improves_and_is_finished_while_the_picture_goes_on(
    running: Running, home: Path, vgg_file: Path
) -> None:
    live = running.live
    arguments = [str(home / "grandma.png"), "--photos", str(home / "photos"), "--vgg", str(vgg_file)]
    command = [sys.executable, "-c", QUICK_TRAINING, *arguments, "--device", "cpu", "--minutes"]
    before = running.names
    with start_training([*command, "60"]) as training:
        running.wait(lambda: running.names == [*before, "grandma"] or training.poll(), "the style appears")
        assert running.mix == [("the_scream", 1.0)], "what was chosen stays chosen"
        live.look.choose_style(len(before))
        live.look.set("strength", 0.8)
        live.look.toggle_mix()
        mix = running.mix
        assert {name for name, _ in mix} == {"grandma", "the_scream"}
        version, picture = running.stylizer.library_version, running.picture()
        running.wait(lambda: running.stylizer.library_version > version or training.poll(), "a better one comes")
        training.send_signal(signal.SIGINT)
        _, problems = training.communicate(timeout=TIMEOUT)
        assert training.returncode == 130, problems
    assert running.model_name() == "grandma.learning.onnx"
    assert running.mix == mix
    assert live.look.target.strength == 0.8
    assert np.abs(running.picture().astype(int) - picture).max() > 0, "the better one is shown"
    assert load_library().number("grandma") == len(before), "an interrupted style can be used"

    finished = run_in_process(main, [*arguments, "--device", "cpu", "--minutes", "0.001"])
    assert finished.status == 0, finished.err
    assert not (user_folder() / "grandma.learning.onnx").exists()
    running.wait(lambda: running.model_name().startswith("yours-"), "the finished style takes its place")
    assert running.mix == mix
    running.picture()
    # Beside the finished model: the shipped one, and that of the look that the crossfade has come from.
    running.wait(lambda: len(running.stylizer._engines) <= 3, "models that were replaced are closed")

    assert run_in_process(main, ["--remove", "grandma"]).status == 0
    running.wait(lambda: running.names == before, "the removed style is gone")
    assert running.mix == [("the_scream", 1.0)]
    running.picture()
    assert running.lines == ["a new style: grandma", "grandma is gone"]


def test_damaged_model_is_passed_over_and_models_option_alone_is_watched(home: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(shipped_folder() / "wide.onnx", models / "mine.onnx")
    running = Running(models)
    with running.stylizer, running.live, running.watcher:
        model = running.live.look.library.models[-1]
        user_folder().mkdir(parents=True)
        (user_folder() / "other.onnx").write_bytes(b"not watched")
        (models / "mine.onnx").write_bytes(b"cut off")
        stamps = running.watcher._files.stamps()
        running.wait(lambda: running.watcher._taken == stamps, "the change is noticed")
        assert running.live.look.library.models[-1] is model, "the model that was read before stays"
        os.replace(models / "mine.onnx", tmp_path / "mine.onnx")
        shutil.copy(shipped_folder() / "wide.onnx", models / "another.onnx")
        running.wait(lambda: running.live.look.library.models[-1].path.name == "another.onnx", "a new file is read")
        running.picture()
    assert running.lines == []
