from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from realtime.errors import UnknownStyle, UsageError
from realtime.stylizer.library import Library
from realtime.stylizer.look import FADE_SECONDS, Crossfade, one_style, parse_look


def test_the_first_style_is_the_default(library: Library) -> None:
    look = parse_look(None, library)
    assert look.mix == [(library.styles[0][1], 1.0)]


def test_a_mix_is_relative(library: Library) -> None:
    first, second = library.styles[0][1], library.styles[1][1]
    look = parse_look(f"{second.name}:1,{first.name}:3", library)
    assert look.mix == [(first, 0.75), (second, 0.25)]
    assert sum(look.weights) == pytest.approx(1)
    assert "75%" in look.label


def test_the_same_style_twice_adds_up(library: Library) -> None:
    name = library.styles[0][1].name
    assert parse_look(f"{name},{name}", library).weights[0] == 1.0


@pytest.mark.parametrize("text", ["Starry Night", "starry-night", "STARRY_NIGHT", "starry"])
def test_names_are_forgiving(library: Library, text: str) -> None:
    assert parse_look(text, library).mix[0][0].name == "starry_night"


@pytest.mark.parametrize("text", ["nobody", "", "starry_nights"])
def test_an_unknown_style_names_those_there_are(library: Library, text: str) -> None:
    with pytest.raises(UnknownStyle, match="starry_night, "):
        parse_look(text, library)


@pytest.mark.parametrize("weight", ["0", "-1", "x", "nan", "inf", "1e9"])
def test_a_bad_weight_is_refused(library: Library, weight: str) -> None:
    with pytest.raises(UsageError, match="weight"):
        parse_look(f"starry_night:{weight}", library)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_bad_strength_is_refused(library: Library, strength: float) -> None:
    with pytest.raises(UsageError, match="--strength"):
        parse_look(None, library, strength=strength)


def test_a_crossfade_moves_and_arrives(library: Library) -> None:
    old, new = one_style(*library.styles[0]), one_style(*library.styles[1])
    fade = Crossfade(old)
    fade.fade_to(new, 10.0)
    assert fade.at(10.0).weights == old.weights
    half = fade.at(10.0 + FADE_SECONDS / 2)
    assert half.weights[0] == pytest.approx(0.5) and half.weights[1] == pytest.approx(0.5)
    assert fade.at(10.0 + FADE_SECONDS) == new


def test_a_crossfade_interrupted_goes_on_from_where_it_is(library: Library) -> None:
    old, new = one_style(*library.styles[0]), one_style(*library.styles[1])
    fade = Crossfade(old)
    fade.fade_to(new, 0.0)
    between = fade.at(FADE_SECONDS / 2)
    fade.fade_to(old, FADE_SECONDS / 2)
    assert fade.at(FADE_SECONDS / 2).weights == pytest.approx(between.weights)


@pytest.mark.parametrize(("dial", "value"), [("keep_colors", 2), ("stroke", 0.1), ("stroke", 9), ("smooth", -1)])
def test_a_number_out_of_range_is_refused(library: Library, dial: str, value: float) -> None:
    name = dial.replace("_", "-")
    with pytest.raises(UsageError, match=f"--{name} {value}: from"):
        replace(parse_look(None, library), **{dial: value})  # type: ignore[arg-type]


def test_a_look_is_immutable(library: Library) -> None:
    with pytest.raises(FrozenInstanceError):
        parse_look(None, library).strength = 0.5  # type: ignore[misc]


def test_at_most_four_styles_are_mixed(library: Library) -> None:
    names = [style.name for _, style in library.styles]
    assert len(parse_look(",".join(names[:4]), library).mix) == 4
    with pytest.raises(UsageError, match="at most 4"):
        parse_look(",".join(names[:5]), library)


def test_what_is_dialled_is_said(library: Library) -> None:
    assert parse_look(None, library).adjustments == []
    look = parse_look(None, library, strength=0.6, keep_colors=1, stroke=1.6, smooth=0.5)
    assert look.adjustments == ["strength 60%", "own colours", "strokes × 1.6", "smooth 50%"]


def test_numbers_fade_gently(library: Library) -> None:
    old = parse_look(None, library)
    fade = Crossfade(old, seconds=2)
    fade.fade_to(parse_look(None, library, strength=0, keep_colors=1, smooth=1), 0.0)
    middle = fade.at(1.0)
    assert (middle.strength, middle.keep_colors, middle.smooth) == (0.5, 0.5, 0.5)
    steps = [fade.at(n / 10).smooth - fade.at((n - 1) / 10).smooth for n in range(1, 21)]
    assert steps[0] < steps[9] / 4 and steps[-1] < steps[9] / 4 and min(steps) > 0


def test_a_fade_of_no_time_is_a_jump(library: Library) -> None:
    old, new = one_style(*library.styles[0]), one_style(*library.styles[1])
    fade = Crossfade(old, seconds=0)
    fade.fade_to(new, 5.0)
    assert fade.at(5.0) == new


def test_strokes_fade_from_one_painting_to_the_other(library: Library) -> None:
    old = parse_look(None, library)
    fade = Crossfade(old)
    fade.fade_to(replace(old, stroke=2.0), 0.0)
    first, last = fade.at(FADE_SECONDS * 0.25), fade.at(FADE_SECONDS * 0.75)
    assert first.previous == old and first.stroke == 2 and 0 < first.progress < 0.5 < last.progress < 1
    fade.fade_to(replace(old, stroke=4.0), FADE_SECONDS * 0.75)  # mostly there: from there it goes on
    assert fade.at(FADE_SECONDS * 0.8).previous == replace(old, stroke=2.0)
    assert fade.at(FADE_SECONDS * 2) == replace(old, stroke=4.0)
