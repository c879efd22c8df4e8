"""The library as docs/api.md has it: its samples, its names, a live line driven by a test."""

from __future__ import annotations

import os
import re
import time
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
from realtime.testing import Damaged, FakeCamera, FakeClock, Lost, Resized, Silent, Step, SteppedClock
from tests.conftest import ROOT, Run
from tests.video_files import make_media

DOCS = (ROOT / "docs/api.md").read_text(encoding="utf-8")
SAMPLES = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


def test_the_public_names() -> None:
    assert realtime.__all__ == [
        "Live", "Look", "StyleTrack", "StylizeError", "StylizedFrame", "Stylizer", "TemporalSmoother", "View",
        "open_live_source", "parse_look", "read_style_track",
    ]  # fmt: skip
    assert testing.__all__ == [
        "Damaged", "FakeCamera", "FakeClock", "Lost", "Resized", "Silent", "SteppedClock", "picture",
    ]  # fmt: skip
    assert all(hasattr(module, name) for module in (realtime, testing) for name in module.__all__)


@pytest.mark.parametrize("sample", SAMPLES, ids=range(len(SAMPLES)))
def test_samples_run_as_they_stand(sample: str, run: Run, photo: Image, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.jpg"), photo)
    (tmp_path / "sample.py").write_text(sample)
    done = run("sample", PYTHONPATH=os.pathsep.join([str(ROOT), str(tmp_path)]))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_tables_name_what_there_is() -> None:
    live = DOCS.partition("## Live")[2].partition("## Tests")[0]
    called = set(re.findall(r"(\w+)\((?:n|±1|1|look)?\)", live.partition("| Call |")[2]))
    assert called and all(hasattr(LookEditor, name) for name in called), called


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer(provider="cpu")


def test_a_live_line_driven_by_a_test(stylizer: Stylizer, tmp_path: Path) -> None:
    clock = SteppedClock(start=50)
    camera = FakeCamera(size=(96, 64), fps=10, mirror=True, clock=clock)
    live = Live(camera.source(), stylizer, height=64, clock=clock, presets=Presets(tmp_path / "presets.toml"))
    assert live.mirrored, "as the camera asks for"
    with live:
        pictures = iter(live)
        for number in range(3):
            painted = next(pictures)
            assert painted.frame.captured == pytest.approx(50 + number / 10)
            assert (painted.original == testing.picture(number, (96, 64))[:, ::-1]).all()
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
    assert list(live) == [], "over is over"


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


def test_what_is_counted_for_the_screen_does_not_grow_unseen() -> None:
    clock = FakeClock()
    stats = Stats(clock.now)
    for _ in range(1000):
        stats.count_shown(clock.now())
        clock.wait(0.1)
    assert len(stats._shown_times) < 30 and stats.shown == 1000


def test_a_tour_walks_on_the_clock_given(stylizer: Stylizer) -> None:
    clock = SteppedClock()
    camera = FakeCamera(size=(64, 64), fps=1, clock=clock)
    with Live(camera.source(), stylizer, height=64, clock=clock, tour=60) as live:
        before = next(iter(live)).look.mix[0][0]
        clock.advance(70)
        deadline = time.monotonic() + 30
        while live.look.target.mix[0][0] == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert "style" not in live.changed_options(), "a walk is not the user's choice"


def test_an_error_inside_comes_out_at_the_end(stylizer: Stylizer) -> None:
    def broken(number: int, size: tuple[int, int]) -> Image:
        raise SourceError("the lens is gone")

    with (
        pytest.raises(SourceError, match="the lens is gone"),
        Live(FakeCamera(pictures=broken).source(), stylizer, height=64) as live,
    ):
        assert list(live) == []


def test_a_script_of_faults() -> None:
    clock = FakeClock()
    script: list[Step] = [2, Silent(5), 1, Damaged(3), Resized((64, 48)), 1, Lost("unplugged", refusals=2), 1]
    camera = FakeCamera(script, size=(32, 24), fps=10, clock=clock)
    with camera.source() as source:
        frames = [source.read() for _ in range(7)]
        assert all(frame is not None for frame in frames)
        times = [round(frame.captured, 3) for frame in frames if frame is not None]
        assert times[:4] == [0.0, 0.1, 5.2, 5.6]
        assert times[4] == pytest.approx(5.6 + 3), "three attempts, a second each"
        assert times[5] == pytest.approx(times[4] + 0.1), "good pictures after the script"
        assert [frame.image.shape[0] for frame in frames if frame is not None] == [24, 24, 24, 48, 48, 48, 48]
        assert source.decode_errors == 3 and source.signal_losses == source.reconnects == 1
        assert source.loss_reasons == {"unplugged": 1}


def test_a_stepped_clock_wakes_who_waits_and_who_is_told_to_stop() -> None:
    clock = SteppedClock()
    camera = FakeCamera([Silent(3600)], clock=clock)
    with Stylizer(provider="cpu") as stylizer:
        live = Live(camera.source(), stylizer, clock=clock)
        live.start()
        live.stop()
    assert live.stats.read <= 1 and not any(thread.is_alive() for thread in live._threads)
    assert clock.wait(-1) is False


def test_the_last_picture_of_what_ends_is_painted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = make_media(tmp_path / "film.mp4")
    with Stylizer(provider="cpu") as slow:
        paint_at = slow.stylize_at

        def paint(*arguments: Any) -> Image:
            time.sleep(0.25)
            return paint_at(*arguments)

        monkeypatch.setattr(slow, "stylize_at", paint)
        with Live(ReconnectingSource(lambda: Playback([film])), slow, height=48) as live:
            seen = [painted.frame.pts for painted in live]
    assert seen[-1] == pytest.approx(0.9) and len(seen) < 10


def test_stopped_before_it_was_started(stylizer: Stylizer) -> None:
    Live(FakeCamera(size=(64, 64)).source(), stylizer, height=64).stop()
