"""The crossfade from one look to the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from realtime.stylizer.crossfade import FADE_SECONDS, Crossfade
from realtime.stylizer.library import Library
from realtime.stylizer.look import one_style, parse_look


def test_crossfade_passes_the_middle_and_reaches_its_target(library: Library) -> None:
    old, new = one_style(*library.styles[0]), one_style(*library.styles[1])
    fade = Crossfade(old)
    fade.fade_to(new, 10.0)
    assert fade.at(10.0).weights == old.weights
    half = fade.at(10.0 + FADE_SECONDS / 2)
    assert half.weights[0] == pytest.approx(0.5) and half.weights[1] == pytest.approx(0.5)
    assert fade.at(10.0 + FADE_SECONDS) == new


def test_interrupted_crossfade_continues_from_the_look_of_the_moment(library: Library) -> None:
    old, new = one_style(*library.styles[0]), one_style(*library.styles[1])
    fade = Crossfade(old)
    fade.fade_to(new, 0.0)
    between = fade.at(FADE_SECONDS / 2)
    fade.fade_to(old, FADE_SECONDS / 2)
    assert fade.at(FADE_SECONDS / 2).weights == pytest.approx(between.weights)


def test_crossfade_of_numbers_starts_and_ends_gently(library: Library) -> None:
    old = parse_look(None, library)
    fade = Crossfade(old, seconds=2)
    fade.fade_to(parse_look(None, library, strength=0, keep_colors=1, smooth=1), 0.0)
    middle = fade.at(1.0)
    assert (middle.strength, middle.keep_colors, middle.smooth) == (0.5, 0.5, 0.5)
    steps = [fade.at(n / 10).smooth - fade.at((n - 1) / 10).smooth for n in range(1, 21)]
    assert steps[0] < steps[9] / 4 and steps[-1] < steps[9] / 4 and min(steps) > 0


def test_crossfade_of_zero_seconds_jumps(library: Library) -> None:
    old, new = one_style(*library.styles[0]), one_style(*library.styles[1])
    fade = Crossfade(old, seconds=0)
    fade.fade_to(new, 5.0)
    assert fade.at(5.0) == new


def test_crossfade_of_strokes_blends_two_paintings(library: Library) -> None:
    old = parse_look(None, library)
    fade = Crossfade(old)
    fade.fade_to(replace(old, stroke=2.0), 0.0)
    first, last = fade.at(FADE_SECONDS * 0.25), fade.at(FADE_SECONDS * 0.75)
    assert first.previous == old and first.stroke == 2 and 0 < first.progress < 0.5 < last.progress < 1
    fade.fade_to(replace(old, stroke=4.0), FADE_SECONDS * 0.75)  # near its end: it continues from the second look
    assert fade.at(FADE_SECONDS * 0.8).previous == replace(old, stroke=2.0)
    assert fade.at(FADE_SECONDS * 2) == replace(old, stroke=4.0)
