"""Every change of the look, with a fake clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest

from realtime import Look
from realtime.cli.options import build_parser
from realtime.inference.model import Model, Style
from realtime.live.look_editor import STROKES, LookEditor
from realtime.stylizer.crossfade import FADE_SECONDS
from realtime.stylizer.library import Library
from realtime.stylizer.look import LOOK_RANGES, parse_look
from realtime.ui.keys import BINDINGS


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def editor(library: Library, clock: Clock) -> LookEditor:
    return LookEditor(parse_look(None, library), library, clock=clock)


def names(look: Look) -> dict[str, float]:
    return {style.name: round(weight, 3) for style, weight in look.mix}


def style(library: Library, number: int) -> str:
    return library.styles[number][1].name


def test_step_style_goes_through_all_styles_and_around_the_end(editor: LookEditor, library: Library) -> None:
    for by, expected in [(1, 1), (1, 2), (-1, 1), (-1, 0), (-1, -1), (1, 0)]:
        editor.step_style(by)
        assert names(editor.target) == {style(library, expected): 1.0}


def test_choose_style_with_too_high_number_changes_nothing(editor: LookEditor, library: Library) -> None:
    before = editor.target
    assert editor.choose_style(99) == f"there are {len(library.styles)} styles"
    assert editor.target is before


def test_toggle_original_returns_to_previous_strength(editor: LookEditor) -> None:
    editor.change_strength(-1)
    assert editor.toggle_original() == "original"
    editor.toggle_original()
    assert editor.target.strength == 0.9
    editor.toggle_original()
    editor.choose_style(2)
    assert editor.target.strength == 0.9


def test_change_of_each_setting_stops_at_its_limits(editor: LookEditor) -> None:
    changes = {"strength": editor.change_strength, "stroke": editor.change_stroke, "smooth": editor.change_smoothing}
    for name, change in changes.items():
        seen = {getattr(editor.target, name)}
        for by in [1] * 12 + [-1] * 24 + [1] * 24:
            change(by)
            seen.add(getattr(editor.target, name))
        assert (min(seen), max(seen)) == LOOK_RANGES[name]
        assert len(seen) == (len(STROKES) if name == "stroke" else 11)


def test_change_stroke_from_between_two_steps_goes_to_the_next(library: Library, clock: Clock) -> None:
    editor = LookEditor(parse_look(None, library, stroke=1.1), library, clock=clock)
    editor.change_stroke(1)
    assert editor.target.stroke == 1.25
    editor.change_stroke(-1)
    assert editor.target.stroke == 1.0


def test_toggle_colors_switches_on_and_off(editor: LookEditor) -> None:
    editor.toggle_colors()
    assert editor.target.keep_colors == 1
    editor.toggle_colors()
    assert editor.target.keep_colors == 0


def test_toggle_mix_adds_previous_style_and_keeps_it_until_second_toggle(editor: LookEditor, library: Library) -> None:
    editor.choose_style(2)
    editor.choose_style(4)
    line = editor.toggle_mix()
    assert names(editor.target) == {style(library, 2): 0.5, style(library, 4): 0.5}
    assert "50%" in line
    editor.change_mix(1)
    assert names(editor.target) == {style(library, 2): 0.6, style(library, 4): 0.4}
    editor.change_mix(-1)
    editor.change_mix(-1)
    assert names(editor.target) == {style(library, 2): 0.4, style(library, 4): 0.6}
    editor.choose_style(0)  # the second style stays
    assert names(editor.target) == {style(library, 2): 0.4, style(library, 0): 0.6}
    editor.toggle_mix()
    assert names(editor.target) == {style(library, 0): 1.0}


def test_change_mix_without_previous_style_adds_the_next_one(editor: LookEditor, library: Library) -> None:
    editor.change_mix(1)
    assert names(editor.target) == {style(library, 0): 0.5, style(library, 1): 0.5}
    for _ in range(9):
        editor.change_mix(1)
    assert names(editor.target) == {style(library, 1): 1.0}


def test_toggle_mix_keeps_at_most_four_styles(library: Library, clock: Clock) -> None:
    text = ",".join(f"{style(library, n)}:{4 - n}" for n in range(4))
    editor = LookEditor(parse_look(text, library), library, clock=clock)
    editor.toggle_mix()
    mixed = names(editor.target)
    assert len(mixed) == 4 and style(library, 3) not in mixed
    assert sum(editor.target.weights) == pytest.approx(1)


def test_every_change_fades_to_its_target(editor: LookEditor, clock: Clock) -> None:
    changes: list[Callable[[], str]] = [editor.toggle_mix, editor.toggle_colors]
    changes += [partial(editor.choose_style, 3), partial(editor.change_mix, 1), partial(editor.change_strength, -1)]
    changes += [partial(editor.change_stroke, 1), partial(editor.change_smoothing, 1)]
    for change in changes:
        clock.now += 10
        before = editor.current()
        change()
        assert editor.current().weights == before.weights
        clock.now += FADE_SECONDS / 2
        assert editor.current() not in (before, editor.target)
        clock.now += FADE_SECONDS
        assert editor.current() == editor.target != before


def test_tour_shows_every_style_in_turn(library: Library, clock: Clock) -> None:
    editor = LookEditor(parse_look(None, library), library, tour=8, clock=clock)
    seen = []
    for _ in range(8 * len(library.styles) + 4):
        clock.now += 1
        seen.append(next(iter(names(editor.current()))))
    order = list(dict.fromkeys(seen))
    assert order == [s.name for _, s in library.styles]
    assert seen[-1] == order[0], "the tour starts again"


def test_tour_fades_slowly_and_waits_full_time_after_a_choice(library: Library, clock: Clock) -> None:
    editor = LookEditor(parse_look(None, library), library, tour=8, clock=clock)
    clock.now += 8
    editor.current()
    clock.now += 1
    assert len(editor.current().mix) == 2, "a second later it is still fading"
    clock.now += 6
    editor.choose_style(4)
    clock.now += 7
    assert names(editor.current()) == {style(library, 4): 1.0}
    clock.now += 1
    editor.current()
    assert names(editor.target) == {style(library, 5 % len(library.styles)): 1.0}


def test_tour_starts_immediately_and_stops_on_second_press(editor: LookEditor, library: Library, clock: Clock) -> None:
    assert "10 seconds" in editor.toggle_tour()
    assert names(editor.target) == {style(library, 1): 1.0}
    editor.toggle_tour()
    clock.now += 100
    assert names(editor.current()) == {style(library, 1): 1.0}


def test_fade_to_reaches_any_look_and_keeps_its_settings(editor: LookEditor, library: Library, clock: Clock) -> None:
    look = parse_look(style(library, 3), library, strength=0.5, stroke=2)
    editor.fade_to(look)
    clock.now += 1
    assert editor.current() == look
    editor.step_style(1)
    assert names(editor.target) == {style(library, 4): 1.0} and editor.target.stroke == 2


def test_styles_of_two_models_are_never_mixed(library: Library, clock: Clock) -> None:
    other = library.models[0]
    twin = Model(other.path, other.data, tuple(type(s)(f"twin_{s.name}", s.row) for s in other.styles), other.multiple)
    both = Library([other, twin])
    editor = LookEditor(parse_look(None, both), both, clock=clock)
    editor.choose_style(len(other.styles))
    editor.toggle_mix()
    assert set(names(editor.target)) == {f"twin_{style(library, n)}" for n in (0, 1)}
    editor.choose_style(2)
    assert names(editor.target) == {style(library, 2): 1.0}


def test_use_library_fades_to_the_styles_of_the_same_names_and_keeps_the_settings(
    library: Library, clock: Clock
) -> None:
    model = library.models[0]
    editor = LookEditor(parse_look(None, library), library, clock=clock)
    editor.choose_style(1)
    editor.toggle_mix()
    editor.set("strength", 0.7)
    before, old = names(editor.target), editor.target
    clock.now += 1
    assert not editor.fading
    added = Style("grandma", len(model.styles))
    turned = tuple(replace(s, row=row) for row, s in enumerate((added, *reversed(model.styles))))
    other = Library([replace(model, path=Path("other.onnx"), styles=turned)])
    editor.use_library(other)
    assert names(editor.target) == before and editor.target.strength == 0.7
    assert editor.target.model is other.models[0] and editor.second_style is not None
    clock.now += FADE_SECONDS / 2
    assert editor.fading and editor.current().previous is not None and 0 < editor.current().progress < 1
    clock.now += 1
    assert not editor.fading and editor.current() is editor.target
    editor.choose_style(0)
    assert set(names(editor.target)) == {"grandma", style(library, 0)}, "the second style stays mixed"
    assert editor.fade_to(old) and editor.target.model is other.models[0], "a look of the old library can be used"
    editor.fade_to(parse_look("grandma", other, stroke=2.0))
    editor.use_library(library)
    assert names(editor.target) == {style(library, 0): 1.0} and editor.target.stroke == 2.0, "grandma is gone"
    same = editor.target
    editor.use_library(Library(library.models))
    assert editor.target is same, "nothing fades where nothing has changed"


def test_every_setting_has_an_option_and_a_key() -> None:
    parser = build_parser()
    options = {option for binding in BINDINGS if (option := binding.option)}
    assert {f"--{name.replace('_', '-')}" for name in LOOK_RANGES} <= options
    assert set(LOOK_RANGES) <= {field.name for field in fields(Look)}
    for option in options:
        assert option in parser._option_string_actions, option
