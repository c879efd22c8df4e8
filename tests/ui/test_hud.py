"""What is drawn over the picture: complete, and readable on any picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from realtime.frame import Image
from realtime.live.layout import square_layout
from realtime.ui import hud

SIZES = [(320, 240), (640, 480), (1920, 1080), (3840, 2160)]
MIN_CONTRAST = 4.5  # for text, by WCAG
FIGURES = hud.Figures(
    fps=29.7, latency=0.034, dropped=12, provider="openvino", provider_reason="fastest here: 9 ms (cpu 17)",
    size=(640, 480),
    style="Composition VII · Wassily Kandinsky", source="demo: 640 × 480, 30 fps", recording="1:02:03   12 left out",
    adjustments="strength 60%   own colours   strokes × 1.25   smooth 40%   walking",
)  # fmt: skip
DRAWINGS: dict[str, Callable[[Image], object]] = {
    "figures": lambda canvas: hud.draw_figures(canvas, FIGURES),
    "help": hud.draw_help,
    "message": lambda canvas: hud.draw_message(canvas, "saved a file"),
    "recording": lambda canvas: hud.draw_recording(canvas, "0:12"),
    "no signal": lambda canvas: hud.draw_no_signal(canvas, "the camera is gone"),
    "tiles": lambda canvas: hud.draw_tiles(canvas, (0, 0, 640, 480), square_layout(4), ["a", "b", "c", "d"], 2),
    "seam": lambda canvas: hud.draw_seam(canvas, (0, 0, 640, 480), 0.5),
}


def plain(size: tuple[int, int], level: int) -> Image:
    return np.full((size[1], size[0], 3), level, np.uint8)


def contrast(one: Image, other: Image) -> float:
    """Contrast of two BGR colours by WCAG, 1 to 21."""
    dark, light = sorted(float((image / 255) ** 2.2 @ (0.0722, 0.7152, 0.2126)) for image in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("level", [0, 255])
def test_drawing_stands_out_from_black_and_from_white(name: str, level: int) -> None:
    canvas = plain((640, 480), level)
    DRAWINGS[name](canvas)
    drawn = np.unique(canvas[(canvas != level).any(axis=2)], axis=0)
    drawn = drawn[np.argsort(drawn.sum(axis=1))]
    assert contrast(drawn[-1], drawn[0] if level else plain((1, 1), 0)[0, 0]) > MIN_CONTRAST


@pytest.mark.parametrize("colour", [hud.WHITE, hud.GREY, hud.AMBER])
def test_text_on_white_picture_is_readable(colour: hud.Colour) -> None:
    shade = plain((1, 1), round(255 * hud.SHADE))[0, 0]
    assert contrast(np.array(colour, np.uint8), shade) > MIN_CONTRAST


@pytest.mark.parametrize("size", SIZES)
def test_figures_show_every_adjustment_whole(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(hud, "_draw_text", lambda canvas, text, *_: drawn.append(text))
    hud.draw_figures(plain(size, 0), FIGURES)
    assert set(FIGURES.adjustments.split(hud.GAP)) <= {part for line in drawn for part in line.split(hud.GAP)}
