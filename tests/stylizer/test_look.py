"""Looks: parsing, ranges, labels."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from realtime.errors import UnknownStyle, UsageError
from realtime.stylizer.library import Library
from realtime.stylizer.look import parse_look


def test_parse_look_of_none_is_the_first_style(library: Library) -> None:
    look = parse_look(None, library)
    assert look.mix == [(library.styles[0][1], 1.0)]


def test_parse_look_normalizes_the_weights_of_a_mix(library: Library) -> None:
    first, second = library.styles[0][1], library.styles[1][1]
    look = parse_look(f"{second.name}:1,{first.name}:3", library)
    assert look.mix == [(first, 0.75), (second, 0.25)]
    assert sum(look.weights) == pytest.approx(1)
    assert "75%" in look.label


def test_parse_look_adds_up_the_same_style(library: Library) -> None:
    name = library.styles[0][1].name
    assert parse_look(f"{name},{name}", library).weights[0] == 1.0


@pytest.mark.parametrize("text", ["Starry Night", "starry-night", "STARRY_NIGHT", "starry"])
def test_find_ignores_case_blanks_and_hyphens_and_takes_a_prefix(library: Library, text: str) -> None:
    assert parse_look(text, library).mix[0][0].name == "starry_night"


@pytest.mark.parametrize("text", ["nobody", "", "starry_nights"])
def test_unknown_style_raises_with_the_known_names(library: Library, text: str) -> None:
    with pytest.raises(UnknownStyle, match="starry_night, "):
        parse_look(text, library)


@pytest.mark.parametrize("weight", ["0", "-1", "x", "nan", "inf", "1e9"])
def test_parse_look_raises_for_a_wrong_weight(library: Library, weight: str) -> None:
    with pytest.raises(UsageError, match="weight"):
        parse_look(f"starry_night:{weight}", library)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_parse_look_raises_for_a_wrong_strength(library: Library, strength: float) -> None:
    with pytest.raises(UsageError, match="--strength"):
        parse_look(None, library, strength=strength)


@pytest.mark.parametrize(("field", "value"), [("keep_colors", 2), ("stroke", 0.1), ("stroke", 9), ("smooth", -1)])
def test_look_raises_for_a_number_out_of_range(library: Library, field: str, value: float) -> None:
    name = field.replace("_", "-")
    with pytest.raises(UsageError, match=f"--{name} {value}: from"):
        replace(parse_look(None, library), **{field: value})  # type: ignore[arg-type]


def test_look_is_immutable(library: Library) -> None:
    with pytest.raises(FrozenInstanceError):
        parse_look(None, library).strength = 0.5  # type: ignore[misc]


def test_parse_look_mixes_at_most_four_styles(library: Library) -> None:
    names = [style.name for _, style in library.styles]
    assert len(parse_look(",".join(names[:4]), library).mix) == 4
    with pytest.raises(UsageError, match="at most 4"):
        parse_look(",".join(names[:5]), library)


def test_adjustments_describe_what_differs_from_the_defaults(library: Library) -> None:
    assert parse_look(None, library).adjustments == []
    look = parse_look(None, library, strength=0.6, keep_colors=1, stroke=1.6, smooth=0.5)
    assert look.adjustments == ["strength 60%", "own colours", "strokes × 1.6", "smooth 50%"]
