from __future__ import annotations

import pytest

from realtime.errors import UnknownStyle, UsageError
from realtime.look import FADE_SECONDS, Crossfade, one_style, parse_look
from realtime.styles import Library


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
    fade.go(new, 10.0)
    assert fade.at(10.0).weights == old.weights
    half = fade.at(10.0 + FADE_SECONDS / 2)
    assert half.weights[0] == pytest.approx(0.5) and half.weights[1] == pytest.approx(0.5)
    assert fade.at(10.0 + FADE_SECONDS) == new


def test_a_crossfade_interrupted_goes_on_from_where_it_is(library: Library) -> None:
    old, new = one_style(*library.styles[0]), one_style(*library.styles[1])
    fade = Crossfade(old)
    fade.go(new, 0.0)
    between = fade.at(FADE_SECONDS / 2)
    fade.go(old, FADE_SECONDS / 2)
    assert fade.at(FADE_SECONDS / 2).weights == pytest.approx(between.weights)
