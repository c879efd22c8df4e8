"""The simulated camera: its scene, its rate and its limits."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from realtime.errors import SourceError
from realtime.frame import Image
from realtime.sources import demo as demo_module
from realtime.sources.demo import Demo, render_scene, view_matrix
from realtime.system.clock import FakeClock, SystemClock

SIZES = [(640, 480), (1280, 720), (480, 640), (321, 123), (1000, 100), (100, 1000)]


@pytest.mark.parametrize("size", SIZES)
def test_view_matrix_never_leaves_the_image(size: tuple[int, int]) -> None:
    width, height = size
    corners = np.array([(x, y, 1) for x in (0, width - 1) for y in (0, height - 1)]).T
    seen = np.stack([view_matrix(t, size) @ corners for t in np.arange(0, 600, 0.7)])  # [n, 2, 4]
    assert seen.min() > -1e-6
    assert seen.max() < 511 + 1e-6


def test_render_scene_shows_no_border(monkeypatch: pytest.MonkeyPatch) -> None:
    white = np.full((512, 512, 3), 255, np.uint8)
    monkeypatch.setattr(demo_module, "_load_image", lambda: white)
    assert all((render_scene(t) == 255).all() for t in np.arange(0, 60, 1.3))


@pytest.mark.parametrize("size", SIZES)
def test_render_scene_depends_on_time_only(size: tuple[int, int]) -> None:
    image = render_scene(3.0, size)
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, render_scene(3.0, size))
    assert not np.array_equal(image, render_scene(3.5, size))


def test_view_moves_smoothly() -> None:
    """No corner of the view moves by more than 3 pixels per frame, nor changes its speed by more than 0.1."""
    corners = np.array([(x, y, 1) for x in (0, 639) for y in (0, 479)]).T
    path = np.stack([view_matrix(n / 30) @ corners for n in range(3000)])
    scale = np.linalg.norm(view_matrix(0)[:, 0])
    speed = np.diff(path, axis=0) / scale
    assert np.abs(speed).max() < 3
    assert np.abs(np.diff(speed, axis=0)).max() < 0.1


def test_render_scene_has_the_colours_of_the_image() -> None:
    def histogram(image: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.asarray(cv2.calcHist([image], [0, 1, 2], None, [4, 4, 4], [0, 256] * 3), np.float32)

    image, scene = histogram(demo_module._load_image()), histogram(render_scene(0))
    assert cv2.compareHist(image, scene, cv2.HISTCMP_CORREL) > 0.8


def test_read_waits_until_each_frame_is_due() -> None:
    clock = FakeClock(start=100)
    with Demo(fps=10, clock=clock) as demo:
        frames = [demo.read() for _ in range(50)]
    assert [frame.pts for frame in frames] == pytest.approx([n / 10 for n in range(50)])
    assert [frame.captured for frame in frames] == pytest.approx([100 + n / 10 for n in range(50)])
    assert sum(clock.waits) == pytest.approx(4.9)


def test_read_skips_frames_that_a_busy_reader_missed() -> None:
    clock = FakeClock(start=100)
    demo = Demo(fps=10, clock=clock)
    demo.read()
    clock.advance(3.05)  # the reader was busy
    late = demo.read()
    assert late.pts == pytest.approx(3.0)
    assert late.captured == pytest.approx(103.05)
    assert demo.read().pts == pytest.approx(3.1)
    assert clock.now() == pytest.approx(103.1)  # back in step


def test_read_skips_nothing_for_a_reader_in_time() -> None:
    clock = FakeClock()
    demo = Demo(fps=10, clock=clock)
    pts = []
    for _ in range(20):
        pts.append(demo.read().pts)
        clock.advance(0.09)
    assert pts == pytest.approx([n / 10 for n in range(20)])


def test_properties_describe_the_frames_and_a_closed_demo_raises() -> None:
    demo = Demo((320, 200), fps=25)
    frame = demo.read()
    assert np.array_equal(frame.image, render_scene(0, (320, 200)))
    assert (demo.name, demo.size, demo.fps, demo.decode_errors, demo.mirror) == ("demo", (320, 200), 25, 0, False)
    demo.close()
    with pytest.raises(SourceError, match="closed"):
        demo.read()


def test_read_keeps_pace_with_the_system_clock_without_spinning() -> None:
    waits: list[float] = []

    class CountingClock(SystemClock):
        def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
            waits.append(seconds)
            return super().wait(seconds, stop)

    clock = CountingClock()
    with Demo((64, 48), fps=50, clock=clock) as demo:
        first = demo.read()
        last = [demo.read() for _ in range(50)][-1]
        now = clock.now()
    assert last.pts >= 1
    assert first.captured + last.pts - 0.2 <= last.captured <= now
    assert len(waits) <= 50


@pytest.mark.parametrize(("size", "fps"), [((0, 10), 30), ((10, 10), 0)])
def test_constructor_refuses_an_empty_size_or_rate(size: tuple[int, int], fps: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Demo(size, fps)
