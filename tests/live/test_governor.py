"""The governor on a simulated clock: it holds the frame rate, and the height does not oscillate."""

from __future__ import annotations

import itertools
import statistics
from bisect import bisect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from realtime.live.governor import MIN_HEIGHT, RISE_SECONDS, Governor

Load = Callable[[float], float]  # time to speed: rows squared that are stylized in a second
FPS = 30.0
LOADS = Path(__file__).parent / "loads"


def speed_for(height: int) -> float:
    """Return the speed at which a frame of that height takes exactly its time."""
    return height**2 * FPS


def started_governor(speed: float, frame_height: int = 720) -> Governor:
    governor = Governor(frame_height, FPS)
    governor.start(lambda height: height**2 / speed)
    return governor


@pytest.mark.parametrize(("error", "heights"), [(1.0, 1), (3.0, 2), (0.2, 2)])
def test_start_with_expected_cost_finds_the_same_height(error: float, heights: int) -> None:
    tried: list[int] = []

    def seconds_at(height: int) -> float:
        tried.append(height)
        return height**2 / speed_for(500)

    governor, reference = Governor(720, FPS), started_governor(speed_for(500))
    governor.start(seconds_at, cost=error / speed_for(500))
    assert governor.height == reference.height and len({*tried}) == heights and tried[-1] == governor.height


def simulate(governor: Governor, load: Load, seconds: float, begin: float = 0.0) -> Iterator[tuple[float, int, float]]:
    """Run the governor on a simulated clock; yield (time, height, seconds that the frame took)."""
    now = begin
    while now < begin + seconds:
        frame_seconds = governor.height**2 / load(now)
        now += max(frame_seconds, 1 / FPS)
        governor.observe(frame_seconds, now)
        yield now, governor.height, frame_seconds


@pytest.mark.parametrize(("speed", "expected"), [(speed_for(5000), 720), (speed_for(50), MIN_HEIGHT)])
def test_start_on_fast_and_slow_machines_finds_the_limits(speed: float, expected: int) -> None:
    assert started_governor(speed).height == expected


def test_first_height_holds_the_rate() -> None:
    height = started_governor(speed_for(480)).height
    assert 340 < height < 480


def test_small_camera_keeps_its_height_under_any_load() -> None:
    governor = started_governor(speed_for(30), frame_height=120)
    assert governor.height == 120
    assert {height for _, height, _ in simulate(governor, lambda now: speed_for(30), 20)} == {120}


def test_steady_load_changes_height_at_most_once() -> None:
    for height in range(250, 900, 13):
        governor = started_governor(speed_for(height))
        assert len({height for _, height, _ in simulate(governor, lambda now, h=height: speed_for(h), 60)}) <= 2  # type: ignore[misc]


def test_sudden_load_is_answered_within_a_second() -> None:
    governor = started_governor(speed_for(700))
    before = governor.height
    history = list(simulate(governor, lambda now: speed_for(700) if now < 5 else speed_for(400), 10))
    assert {height for now, height, _ in history if now < 5} == {before}
    assert all(frame_seconds < 1 / FPS for now, _, frame_seconds in history if now > 6)


def test_height_rises_again_when_load_ends() -> None:
    governor = started_governor(speed_for(700))
    before = governor.height
    history = list(simulate(governor, lambda now: speed_for(350) if now < 5 else speed_for(700), 60))
    assert min(height for _, height, _ in history) < before
    assert history[-1][1] == before


def test_load_that_took_two_steps_down_does_not_delay_the_rise() -> None:
    """A second step down does not mean that a step up would not last."""
    governor = started_governor(speed_for(700))
    before = governor.height

    def load(now: float) -> float:
        return speed_for(700) if now < 20 or now >= 30 else speed_for(500) if now < 20.5 else speed_for(300)

    history = list(simulate(governor, load, 60))
    assert len({height for now, height, _ in history if 20 < now < 22}) > 2
    assert next(now for now, height, _ in history if now > 30 and height == before) < 30 + RISE_SECONDS + 2


def test_two_steps_down_do_not_shorten_the_wait_before_a_rise() -> None:
    """Each time that the height has risen a load returns, in two steps."""
    governor = started_governor(speed_for(700))
    rise_times = [0.0]
    before = governor.height

    def load(now: float) -> float:
        since_rise = now - rise_times[-1]
        return speed_for(600) if since_rise < 0.7 else speed_for(250) if since_rise < 4 else speed_for(800)

    heights = [before]
    for now, height, _ in simulate(governor, load, 600):
        if height > heights[-1]:
            rise_times.append(now)
        heights.append(height)
    rises = len(rise_times) - 1
    assert min(heights) < before and 3 < rises < 20, rises


def test_noisy_load_does_not_make_height_oscillate() -> None:
    """Single frames that take three times as long, and a wave of 5 %: at most one reversal in ten seconds."""
    import random

    rng = random.Random(1)

    def load(now: float) -> float:
        return speed_for(520) * (0.33 if rng.random() < 0.03 else 1) * (1 + 0.05 * ((now % 7) / 7))

    history = list(simulate(started_governor(speed_for(520)), load, 120))
    heights = [height for _, height, _ in history]
    changes = [(now, b - a) for (now, _, _), a, b in zip(history[1:], heights, heights[1:], strict=False) if a != b]
    turns = [now for (_, one), (now, two) in itertools.pairwise(changes) if one * two < 0]
    assert all(sum(begin <= turn < begin + 10 for turn in turns) <= 1 for begin in range(110)), turns


def recorded_load(path: Path) -> Load:
    """Read a load that `benchmarks.load --save` has written: the speed at each time, for frames of any size."""
    lines = [[float(word) for word in line.split()] for line in path.read_text().splitlines()]
    times = [at - lines[0][0] for at, _, _ in lines]
    speeds = [rows**2 / seconds for _, seconds, rows in lines]
    return lambda now: speeds[min(bisect(times, now), len(speeds) - 1)]


def test_recorded_loads_exist() -> None:
    assert any(LOADS.glob("*.txt"))


@pytest.mark.parametrize("path", sorted(LOADS.glob("*.txt")), ids=lambda path: path.stem)
def test_recorded_load_is_followed_without_oscillation(path: Path) -> None:
    """A second after a change the median frame is in time or as small as possible; one reversal in ten seconds."""
    load = recorded_load(path)
    governor = Governor(480, FPS)
    governor.start(lambda height: height**2 / load(0))
    history = list(simulate(governor, load, 75))
    heights = [height for _, height, _ in history]
    moves = [(now, b > a) for (now, _, _), a, b in zip(history[1:], heights, heights[1:], strict=False) if a != b]
    turns = [now for (_, one), (now, two) in itertools.pairwise(moves) if one is not two]
    assert all(sum(begin <= turn < begin + 10 for turn in turns) <= 1 for begin in range(65)), turns
    for begin in range(1, 74):
        second = [(frame_seconds, height) for now, height, frame_seconds in history if begin <= now < begin + 1]
        before = [frame_seconds for now, _, frame_seconds in history if begin - 1 <= now < begin]
        if statistics.median(frame_seconds for frame_seconds, _ in second) > 1 / FPS:
            late = statistics.median(before) > 1 / FPS
            assert not late or max(height for _, height in second) <= MIN_HEIGHT or second[0][1] > second[-1][1], begin


def test_rises_that_do_not_last_become_rarer() -> None:
    """The load returns as soon as the height rises."""
    governor = started_governor(speed_for(480))
    last_height = start_height = governor.height

    def load(now: float) -> float:
        return speed_for(480) * (1.5 if governor.height <= start_height else 0.8)

    rise_times = []
    for now, height, _ in simulate(governor, load, 300):
        if height > last_height:
            rise_times.append(now)
        last_height = height
    assert 2 <= len(rise_times) < 12
    assert rise_times[-1] - rise_times[-2] > 2 * (rise_times[1] - rise_times[0])


def height_for_stroke(stroke: float, seconds: float = 30) -> int:
    """Return the height reached on a machine that can stylize 480 of 720 rows in time."""
    governor = started_governor(speed_for(480))
    now = 0.0
    while now < seconds:
        frame_seconds = (governor.height / stroke) ** 2 / speed_for(480)
        now += max(frame_seconds, 1 / FPS)
        governor.observe(frame_seconds, now, stroke)
    return governor.height


def test_larger_strokes_keep_the_height() -> None:
    assert height_for_stroke(2.0) == height_for_stroke(1.0)


def test_finer_strokes_lower_the_height_to_hold_the_rate() -> None:
    assert height_for_stroke(0.8) / 0.8 <= 480
    assert height_for_stroke(0.8) < height_for_stroke(1.0)


def test_constant_cost_per_frame_does_not_make_height_oscillate() -> None:
    """As measured on a busy two-core laptop: 8 ms for a frame of any size, the rest in proportion to its pixels."""
    for height in range(250, 900, 29):
        governor = Governor(720, FPS)
        governor.start(lambda rows, h=height: 0.008 + rows**2 / speed_for(h))  # type: ignore[misc]
        now, heights = 0.0, [governor.height]
        while now < 120:
            frame_seconds = 0.008 + governor.height**2 / speed_for(height)
            now += max(frame_seconds, 1 / FPS)
            if governor.observe(frame_seconds, now):
                heights.append(governor.height)
        moves = [b > a for a, b in itertools.pairwise(heights)]
        assert sum(a != b for a, b in itertools.pairwise(moves)) <= 12, (height, heights)
        assert frame_seconds < 1 / FPS or governor.height == MIN_HEIGHT, (height, heights)
