"""The command line of stylize-still."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

# Where nothing else is asked for: the paper's, on VGG-16 no deeper than the training looks.
CONTENT_LAYERS = ("relu4_2",)
STYLE_LAYERS = {
    "vgg16": ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
    "vgg19": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
}


def build_parser() -> argparse.ArgumentParser:
    """Everything that can be asked for."""
    parser = argparse.ArgumentParser(
        prog="stylize-still",
        description="Paint one photo in the manner of one painting, slow and best (Gatys et al. 2015).",
        epilog="Stop it at any time with Ctrl-C: the picture so far is written.",
    )
    add = parser.add_argument
    add("photo", type=Path, metavar="PHOTO")
    add("painting", type=Path, metavar="PAINTING")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="the picture, .png, .jpg, ...")
    add("--overwrite", action="store_true", help="replace FILE if it is there")
    add("--size", type=whole(32), metavar="N", help="long side in pixels (default: the photo's, 512 at most)")
    add("--iterations", type=whole(1), default=200, metavar="N",
        help="steps at the coarsest scale (default: %(default)s); each finer one takes half as many")  # fmt: skip
    add("--coarsest", type=whole(32), default=192, metavar="N",
        help="halve the size while it is this at least, then begin; less is bolder (default: %(default)s)")  # fmt: skip
    add(
        "--stroke",
        type=number(0.1, 8),
        default=1.0,
        metavar="FACTOR",
        help="size of the strokes (default: %(default)g)",
    )
    add("--keep-colors", action="store_true", help="the photo's colours, the painting's strokes")
    add("--preview-every", type=whole(0), default=0, metavar="N", help="write FILE's .preview.png every N steps")
    add("--vgg", type=Path, metavar="FILE", help="VGG weights (default: torchvision's, downloaded)")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: %(default)s")
    add("--debug", action="store_true", help="show a traceback on errors")

    add = parser.add_argument_group("the loss").add_argument
    add("--content-weight", type=number(0), default=1.0, metavar="W", help="default: %(default)g")
    add("--style-weight", type=number(0), default=30.0, metavar="W", help="default: %(default)g")
    add("--tone-weight", type=number(0), default=0.0, metavar="W", help="keep light light, dark dark (default 0: off)")
    add("--palette-weight", type=number(0), default=0.0, metavar="W", help="the painting's colours (default 0: off)")
    add("--network", choices=list(STYLE_LAYERS), default="vgg16", help="default: %(default)s")
    add("--content-layers", type=layers, default=CONTENT_LAYERS, metavar="NAME,...", help="default: relu4_2")
    add("--style-layers", type=layers, metavar="NAME,...", help="default: " + "; ".join(
        f"{network}: {','.join(names)}" for network, names in STYLE_LAYERS.items()))  # fmt: skip
    add("--pooling", choices=["max", "average"], default="average", help="default: %(default)s")

    add = parser.add_argument_group("the optimisation").add_argument
    add("--start", choices=["photo", "noise"], default="photo", help="what to begin with (default: %(default)s)")
    add("--seed", type=whole(0), default=0, metavar="N", help="of the noise (default: %(default)s)")
    add("--optimizer", choices=["lbfgs", "adam"], default="lbfgs", help="default: %(default)s")
    return parser


def whole(least: int) -> Callable[[str], int]:
    """A type for argparse: a whole number of at least so much."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {value}")
        return value

    return parse


def number(least: float, most: float = 1e6) -> Callable[[str], float]:
    """A type for argparse: a number in a range."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
        if not least <= value <= most:  # nor is NaN
            raise argparse.ArgumentTypeError(f"must be from {least:g} to {most:g}, got {text}")
        return value

    return parse


def layers(text: str) -> tuple[str, ...]:
    """A type for argparse: names separated by commas."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("expected layers such as relu3_3,relu4_2")
    return names
