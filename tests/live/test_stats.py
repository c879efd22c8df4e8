"""Statistics of a live run, on a clock of the test's own."""

from __future__ import annotations

from realtime.live.stats import Stats
from realtime.system.clock import FakeClock


def test_fps_counts_reused_frames_as_well_as_stylized_ones() -> None:
    clock = FakeClock()
    stats = Stats(clock.now)
    clock.advance(5.0)  # until the first frame, which does not count
    stats.count_stylized(0.01, clock.now())
    for _ in range(29):
        clock.advance(0.05)
        stats.count_reused()
    summary = stats.summary()
    assert (summary["frames_painted"], summary["frames_reused"], summary["fps"]) == (1, 29, 20.0)


def test_fps_of_fewer_than_two_frames_is_zero() -> None:
    clock = FakeClock(1.0)
    stats = Stats(clock.now)
    assert stats.summary()["fps"] == 0.0
    stats.count_stylized(0.01, clock.now())
    assert stats.summary()["fps"] == 0.0
