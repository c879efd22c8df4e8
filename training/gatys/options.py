"""The options of `stylize-still`."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.command_line import add_machine_options, integer_from, number_between

# The defaults are the paper's; on VGG-16 no deeper than the layers of the training.
CONTENT_LAYERS = ("relu4_2",)
STYLE_LAYERS = {
    "vgg16": ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
    "vgg19": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of stylize-still."""
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
    add("--size", type=integer_from(32), metavar="N", help="long side in pixels (default: the photo's, 512 at most)")
    add("--iterations", type=integer_from(1), default=200, metavar="N",
        help="steps at the coarsest scale (default: %(default)s); each finer one takes half as many")  # fmt: skip
    add("--coarsest", type=integer_from(32), default=192, metavar="N",
        help="halve the size while it is this at least, then begin; less is bolder (default: %(default)s)")  # fmt: skip
    add(
        "--stroke",
        type=number_between(0.1, 8),
        default=1.0,
        metavar="FACTOR",
        help="size of the strokes (default: %(default)g)",
    )
    add("--keep-colors", action="store_true", help="the photo's colours, the painting's strokes")
    add("--preview-every", type=integer_from(0), default=0, metavar="N", help="write FILE's .preview.png every N steps")
    add_machine_options(parser)

    add = parser.add_argument_group("the loss").add_argument
    add("--content-weight", type=number_between(0), default=1.0, metavar="W", help="default: %(default)g")
    add("--style-weight", type=number_between(0), default=30.0, metavar="W", help="default: %(default)g")
    add(
        "--tone-weight",
        type=number_between(0),
        default=0.0,
        metavar="W",
        help="keep light light, dark dark (default 0: off)",
    )
    add(
        "--palette-weight",
        type=number_between(0),
        default=0.0,
        metavar="W",
        help="the painting's colours (default 0: off)",
    )
    add("--network", choices=list(STYLE_LAYERS), default="vgg16", help="default: %(default)s")
    add("--content-layers", type=layer_names, default=CONTENT_LAYERS, metavar="NAME,...", help="default: relu4_2")
    add("--style-layers", type=layer_names, metavar="NAME,...", help="default: " + "; ".join(
        f"{network}: {','.join(names)}" for network, names in STYLE_LAYERS.items()))  # fmt: skip
    add("--pooling", choices=["max", "average"], default="average", help="default: %(default)s")

    add = parser.add_argument_group("the optimisation").add_argument
    add("--start", choices=["photo", "noise"], default="photo", help="what to begin with (default: %(default)s)")
    add("--seed", type=integer_from(0), default=0, metavar="N", help="of the noise (default: %(default)s)")
    add("--optimizer", choices=["lbfgs", "adam"], default="lbfgs", help="default: %(default)s")
    return parser


def layer_names(text: str) -> tuple[str, ...]:
    """Parse names separated by commas, as an argparse type."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("expected layers such as relu3_3,relu4_2")
    return names
