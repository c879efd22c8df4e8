from __future__ import annotations

import itertools
import statistics
from bisect import bisect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from realtime.live.governor import MIN_HEIGHT, RISE_SECONDS, Governor
from realtime.stylizer.sizes import PIXEL_LIMIT, size_for_height, stroke_size

Load = Callable[[float], float]  # at a time, how many rows squared are painted in a second
FPS = 30.0
LOADS = Path(__file__).parent / "loads"


@pytest.mark.parametrize(
    ("frame", "height", "expected"),
    [
        ((640, 480), 480, (640, 480)),
        ((641, 479), 1080, (641, 479)),  # never above the camera's
        ((640, 480), 240, (320, 240)),
        ((1280, 720), 362, (640, 360)),
        ((480, 640), 322, (240, 320)),
        ((1, 1), 480, (16, 16)),
        ((4, 40), 480, (16, 160)),
    ],
)
def test_the_working_size_keeps_the_shape(frame: tuple[int, int], height: int, expected: tuple[int, int]) -> None:
    assert size_for_height(frame, height, 4) == expected


def able(height: int) -> float:
    """The speed that paints so many rows in just the time there is."""
    return height**2 * FPS


def started(speed: float, frame_height: int = 720) -> Governor:
    governor = Governor(frame_height, FPS)
    governor.start(lambda height: height**2 / speed)
    return governor


@pytest.mark.parametrize(("error", "heights"), [(1.0, 1), (3.0, 2), (0.2, 2)])
def test_it_begins_where_the_time_is_known(error: float, heights: int) -> None:
    tried: list[int] = []

    def seconds_at(height: int) -> float:
        tried.append(height)
        return height**2 / able(500)

    governor, unsure = Governor(720, FPS), started(able(500))
    governor.start(seconds_at, cost=error / able(500))
    assert governor.height == unsure.height and len({*tried}) == heights and tried[-1] == governor.height


def simulate(governor: Governor, load: Load, seconds: float, begin: float = 0.0) -> Iterator[tuple[float, int, float]]:
    """Paint on a clock of its own: (time, height, seconds the picture took)."""
    now = begin
    while now < begin + seconds:
        took = governor.height**2 / load(now)
        now += max(took, 1 / FPS)
        governor.observe(took, now)
        yield now, governor.height, took


@pytest.mark.parametrize(("speed", "expected"), [(able(5000), 720), (able(50), MIN_HEIGHT)])
def test_fast_and_slow_machines(speed: float, expected: int) -> None:
    assert started(speed).height == expected


def test_the_first_height_holds_the_rate() -> None:
    height = started(able(480)).height
    assert 340 < height < 480


def test_a_small_camera_is_painted_as_it_is() -> None:
    governor = started(able(30), frame_height=120)
    assert governor.height == 120
    assert {height for _, height, _ in simulate(governor, lambda now: able(30), 20)} == {120}


def test_nothing_moves_under_a_steady_load() -> None:
    for height in range(250, 900, 13):
        governor = started(able(height))
        assert len({height for _, height, _ in simulate(governor, lambda now, h=height: able(h), 60)}) <= 2  # type: ignore[misc]


def test_a_sudden_load_is_met_within_a_second() -> None:
    governor = started(able(700))
    before = governor.height
    history = list(simulate(governor, lambda now: able(700) if now < 5 else able(400), 10))
    assert {height for now, height, _ in history if now < 5} == {before}
    assert all(took < 1 / FPS for now, _, took in history if now > 6)


def test_it_grows_again_when_the_load_is_gone() -> None:
    governor = started(able(700))
    before = governor.height
    history = list(simulate(governor, lambda now: able(350) if now < 5 else able(700), 60))
    assert min(height for _, height, _ in history) < before
    assert history[-1][1] == before


def test_a_load_that_took_two_steps_is_forgotten_like_any_other() -> None:
    """Going down further is no sign that going up would not last."""
    governor = started(able(700))
    before = governor.height

    def load(now: float) -> float:
        return able(700) if now < 20 or now >= 30 else able(500) if now < 20.5 else able(300)

    history = list(simulate(governor, load, 60))
    assert len({height for now, height, _ in history if 20 < now < 22}) > 2
    assert next(now for now, height, _ in history if now > 30 and height == before) < 30 + RISE_SECONDS + 2


def test_two_steps_down_do_not_undo_what_was_learnt() -> None:
    """A load that comes back, worse and worse, each time the picture has grown."""
    governor = started(able(700))
    low, risen, ups = 0, 0.0, 0
    before = governor.height

    def load(now: float) -> float:
        return able(600) if now < risen + 0.7 else able(250) if now < risen + 4 else able(800)

    last = before
    for now, height, _ in simulate(governor, load, 600):
        if height > last:
            risen, ups = now, ups + 1
        last, low = height, min(low or height, height)
    assert low < before and 3 < ups < 20, ups


def test_a_noisy_load_does_not_make_it_swing() -> None:
    """Single pictures that take three times as long, and a wave of 5 %: at most one turn in ten seconds."""
    import random

    rng = random.Random(1)

    def load(now: float) -> float:
        return able(520) * (0.33 if rng.random() < 0.03 else 1) * (1 + 0.05 * ((now % 7) / 7))

    history = list(simulate(started(able(520)), load, 120))
    heights = [height for _, height, _ in history]
    changes = [(now, b - a) for (now, _, _), a, b in zip(history[1:], heights, heights[1:], strict=False) if a != b]
    turns = [now for (_, one), (now, two) in itertools.pairwise(changes) if one * two < 0]
    assert all(sum(begin <= turn < begin + 10 for turn in turns) <= 1 for begin in range(110)), turns


def recorded(path: Path) -> Load:
    """A load as `benchmarks.load --save` kept it: the speed at each time, for pictures of any size."""
    lines = [[float(word) for word in line.split()] for line in path.read_text().splitlines()]
    times = [at - lines[0][0] for at, _, _ in lines]
    speeds = [rows**2 / seconds for _, seconds, rows in lines]
    return lambda now: speeds[min(bisect(times, now), len(speeds) - 1)]


def test_loads_were_recorded() -> None:
    assert any(LOADS.glob("*.txt"))


@pytest.mark.parametrize("path", sorted(LOADS.glob("*.txt")), ids=lambda path: path.stem)
def test_recorded_loads(path: Path) -> None:
    """It never swings, and the median picture is in time, or as small as it gets, a second after any change."""
    load = recorded(path)
    governor = Governor(480, FPS)
    governor.start(lambda height: height**2 / load(0))
    history = list(simulate(governor, load, 75))
    heights = [height for _, height, _ in history]
    moves = [(now, b > a) for (now, _, _), a, b in zip(history[1:], heights, heights[1:], strict=False) if a != b]
    turns = [now for (_, one), (now, two) in itertools.pairwise(moves) if one is not two]
    assert all(sum(begin <= turn < begin + 10 for turn in turns) <= 1 for begin in range(65)), turns
    for begin in range(1, 74):
        second = [(took, height) for now, height, took in history if begin <= now < begin + 1]
        before = [took for now, _, took in history if begin - 1 <= now < begin]
        if statistics.median(took for took, _ in second) > 1 / FPS:
            late = statistics.median(before) > 1 / FPS
            assert not late or max(height for _, height in second) <= MIN_HEIGHT or second[0][1] > second[-1][1], begin


def test_where_going_up_does_not_last_it_is_tried_less_and_less() -> None:
    """A load that comes back as soon as the picture grows."""
    governor = started(able(480))
    low = governor.height
    ups = []
    last = low
    for now, height, _ in simulate(governor, lambda now: able(480) * (1.5 if governor.height <= low else 0.8), 300):
        if height > last:
            ups.append(now)
        last = height
    assert 2 <= len(ups) < 12
    assert ups[-1] - ups[-2] > 2 * (ups[1] - ups[0])


@pytest.mark.parametrize(
    ("size", "stroke", "expected"),
    [
        ((641, 479), 1.0, (641, 479)),  # as it is
        ((640, 480), 2.0, (320, 240)),
        ((640, 480), 1.25, (512, 384)),
        ((640, 480), 0.5, (1280, 960)),
        ((40, 30), 4.0, (16, 16)),
    ],
)
def test_the_size_for_a_stroke(size: tuple[int, int], stroke: float, expected: tuple[int, int]) -> None:
    assert stroke_size(size, stroke, 4) == expected


def test_fine_strokes_of_a_large_picture_fit_into_memory() -> None:
    width, height = stroke_size((6000, 4000), 0.5, 4)
    assert width * height <= PIXEL_LIMIT * 1.01


def stroked(stroke: float, seconds: float = 30) -> int:
    """The height that a machine able to paint 480 rows of 720 comes to."""
    governor = started(able(480))
    now = 0.0
    while now < seconds:
        took = (governor.height / stroke) ** 2 / able(480)
        now += max(took, 1 / FPS)
        governor.observe(took, now, stroke)
    return governor.height


def test_larger_strokes_leave_the_height() -> None:
    assert stroked(2.0) == stroked(1.0)


def test_finer_strokes_hold_the_rate() -> None:
    assert stroked(0.8) / 0.8 <= 480
    assert stroked(0.8) < stroked(1.0)


def test_a_cost_that_does_not_shrink_with_the_picture_does_not_make_it_swing() -> None:
    """As measured on a busy two-core laptop: 8 ms for each picture however small, the rest by its pixels."""
    for height in range(250, 900, 29):
        governor = Governor(720, FPS)
        governor.start(lambda rows, h=height: 0.008 + rows**2 / able(h))  # type: ignore[misc]
        now, heights = 0.0, [governor.height]
        while now < 120:
            took = 0.008 + governor.height**2 / able(height)
            now += max(took, 1 / FPS)
            if governor.observe(took, now):
                heights.append(governor.height)
        moves = [b > a for a, b in itertools.pairwise(heights)]
        assert sum(a != b for a, b in itertools.pairwise(moves)) <= 12, (height, heights)
        assert took < 1 / FPS or governor.height == MIN_HEIGHT, (height, heights)
