"""The library as docs/api.md describes it: samples, names, and a live pipeline driven by a test."""

from __future__ import annotations

import os
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import pytest

import realtime
from realtime import Live, Stylizer, View, testing
from realtime.errors import SourceError
from realtime.frame import Image
from realtime.live.look_editor import LookEditor
from realtime.live.stats import Stats
from realtime.sources.playback import Playback
from realtime.sources.reconnect import ReconnectingSource
from realtime.stylizer.presets import Presets
from realtime.testing import Damaged, FakeCamera, FakeClock, Lost, Resized, ScriptStep, Silent, SteppedClock
from tests.conftest import ROOT, Run
from tests.video_files import make_media

DOCS = (ROOT / "docs/api.md").read_text(encoding="utf-8")
SAMPLES = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


def test_public_names_are_these_and_exist() -> None:
    assert realtime.__all__ == [
        "Live", "Look", "StyleTrack", "StylizeError", "StylizedFrame", "Stylizer", "TemporalSmoother", "View",
        "open_live_source", "parse_look", "read_style_track",
    ]  # fmt: skip
    assert testing.__all__ == [
        "Damaged", "FakeCamera", "FakeClock", "Lost", "Resized", "Silent", "SteppedClock", "numbered_image",
    ]  # fmt: skip
    assert all(hasattr(module, name) for module in (realtime, testing) for name in module.__all__)


def test_version_is_that_of_the_installed_package() -> None:
    assert realtime.__version__ == version("realtime-stylize")


def test_version_is_unknown_where_the_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", fail)
    assert realtime.__version__ == "unknown"


@pytest.mark.parametrize(
    "public",
    [getattr(module, name) for module in (realtime, testing) for name in module.__all__ if name != "StylizeError"],
    ids=lambda public: public.__name__,
)
def test_public_name_has_an_example(public: Any) -> None:
    assert "Example:" in (public.__doc__ or "")


@pytest.mark.parametrize("sample", SAMPLES, ids=range(len(SAMPLES)))
def test_sample_of_documentation_runs_unchanged(sample: str, run: Run, photo: Image, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.jpg"), photo)
    (tmp_path / "sample.py").write_text(sample)
    completed = run("sample", PYTHONPATH=os.pathsep.join([str(ROOT), str(tmp_path)]))
    assert (completed.returncode, completed.stderr) == (0, "")


def test_documented_calls_exist_in_look_editor() -> None:
    live = DOCS.partition("## Live")[2].partition("## Tests")[0]
    called = set(re.findall(r"(\w+)\((?:n|±1|1|look)?\)", live.partition("| Call |")[2]))
    assert called and all(hasattr(LookEditor, name) for name in called), called


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer(provider="cpu")


def test_live_pipeline_follows_a_stepped_clock_and_records_changed_options(stylizer: Stylizer, tmp_path: Path) -> None:
    clock = SteppedClock(start=50)
    camera = FakeCamera(size=(96, 64), fps=10, mirror=True, clock=clock)
    live = Live(camera.source(), stylizer, height=64, clock=clock, presets=Presets(tmp_path / "presets.toml"))
    assert live.mirrored, "as the camera asks for"
    with live:
        frames = iter(live)
        for number in range(3):
            stylized = next(frames)
            assert stylized.frame.captured == pytest.approx(50 + number / 10)
            assert (stylized.original == testing.numbered_image(number, (96, 64))[:, ::-1]).all()
            clock.advance(0.1)
        live.look.save_preset(0)
        live.look.step_style(1)
        live.look.change_strength(-1)
        live.state.view = View.SPLIT
        changed = live.changed_options()
        live.look.recall_preset(0)
    assert changed == {"style": stylizer.library.styles[1][1].name, "strength": 0.9, "view": "split"}
    assert set(live.changed_options()) == {"view"}
    summary = live.summary()
    assert summary["frames_painted"] + summary["frames_reused"] >= 3 and summary["frames_dropped"] == 0
    list(live)
    assert list(live) == [], "the iteration has ended"


@pytest.mark.parametrize(("asked", "mirrored"), [(None, True), (False, False)])
def test_source_that_changes_mirrors_as_it_asks_for_unless_option_is_given(
    stylizer: Stylizer, asked: bool | None, mirrored: bool
) -> None:
    camera = FakeCamera()
    live = Live(camera.source(), stylizer, mirror=asked)
    assert not live.mirrored
    camera.mirror = True
    assert live.mirrored is mirrored
    assert live.changed_options() == {}, "it is not the user's choice"


def test_mirror_toggled_by_user_is_saved_and_second_toggle_undoes_it(stylizer: Stylizer) -> None:
    camera = FakeCamera(mirror=True)
    live = Live(camera.source(), stylizer)
    live.toggle_mirror()
    assert not live.mirrored and live.changed_options() == {"mirror": False}
    camera.mirror = False
    assert not live.mirrored, "the user's choice outlasts a change of the source"
    live.toggle_mirror()
    assert live.mirrored and live.changed_options() == {"mirror": True}
    live.toggle_mirror()
    assert live.changed_options() == {}


def test_times_of_shown_frames_are_dropped_without_a_screen() -> None:
    clock = FakeClock()
    stats = Stats(clock.now)
    for _ in range(1000):
        stats.count_shown(clock.now())
        clock.wait(0.1)
    assert len(stats._shown_times) < 30 and stats.shown == 1000


def test_tour_follows_the_clock_given(stylizer: Stylizer) -> None:
    clock = SteppedClock()
    camera = FakeCamera(size=(64, 64), fps=1, clock=clock)
    with Live(camera.source(), stylizer, height=64, clock=clock, tour=60) as live:
        before = next(iter(live)).look.mix[0][0]
        clock.advance(70)
        deadline = time.monotonic() + 60
        while live.look.target.mix[0][0] == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert "style" not in live.changed_options(), "a tour is not the user's choice"


def test_error_of_source_is_raised_at_the_end(stylizer: Stylizer) -> None:
    def broken(number: int, size: tuple[int, int]) -> Image:
        raise SourceError("the lens is gone")

    with (
        pytest.raises(SourceError, match="the lens is gone"),
        Live(FakeCamera(make_image=broken).source(), stylizer, height=64) as live,
    ):
        assert list(live) == []


def test_fake_camera_follows_its_script() -> None:
    clock = FakeClock()
    script: list[ScriptStep] = [2, Silent(5), 1, Damaged(3), Resized((64, 48)), 1, Lost("unplugged", refusals=2), 1]
    camera = FakeCamera(script, size=(32, 24), fps=10, clock=clock)
    with camera.source() as source:
        frames = [source.read() for _ in range(7)]
        assert all(frame is not None for frame in frames)
        times = [round(frame.captured, 3) for frame in frames if frame is not None]
        assert times[:4] == [0.0, 0.1, 5.2, 5.6]
        assert times[4] == pytest.approx(5.6 + 3), "three attempts, a second each"
        assert times[5] == pytest.approx(times[4] + 0.1), "good frames after the script"
        assert [frame.image.shape[0] for frame in frames if frame is not None] == [24, 24, 24, 48, 48, 48, 48]
        assert source.decode_errors == 3 and source.signal_losses == source.reconnects == 1
        assert source.loss_reasons == {"unplugged": 1}


def test_stop_ends_waiting_on_a_stepped_clock() -> None:
    clock = SteppedClock()
    camera = FakeCamera([Silent(3600)], clock=clock)
    with Stylizer(provider="cpu") as stylizer:
        live = Live(camera.source(), stylizer, clock=clock)
        live.start()
        live.stop()
    assert live.stats.read <= 1 and not any(thread.is_alive() for thread in live._threads)
    assert clock.wait(-1) is False


def test_last_frame_of_a_video_is_stylized_on_a_slow_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = make_media(tmp_path / "video.mp4")
    with Stylizer(provider="cpu") as slow:
        stylize_at = slow.stylize_at

        def stylize_slowly(*arguments: Any) -> Image:
            time.sleep(0.25)
            return stylize_at(*arguments)

        monkeypatch.setattr(slow, "stylize_at", stylize_slowly)
        with Live(ReconnectingSource(lambda: Playback([video])), slow, height=48) as live:
            seen = [stylized.frame.pts for stylized in live]
    assert seen[-1] == pytest.approx(0.9) and len(seen) < 10


def test_stop_before_start_does_nothing(stylizer: Stylizer) -> None:
    Live(FakeCamera(size=(64, 64)).source(), stylizer, height=64).stop()
