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

# What --loss changes.
DEFAULTS: dict[str, dict[str, float]] = {
    "pyramid": {"content_weight": 1, "style_weight": 3, "tone_weight": 1, "palette_weight": 0.3, "stroke": 1.5},
    "gatys": {"content_weight": 1, "style_weight": 30, "tone_weight": 0, "palette_weight": 0, "stroke": 1},
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of stylize-still."""
    parser = argparse.ArgumentParser(
        prog="stylize-still",
        description="Paint one photo in the manner of one painting, slow and best (after Gatys et al. 2015).",
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
        metavar="FACTOR",
        help=f"size of the painting's strokes relative to the photo (default: {_defaults('stroke')})",
    )
    add("--keep-colors", action="store_true", help="the photo's colours, the painting's strokes")
    add("--preview-every", type=integer_from(0), default=0, metavar="N", help="write FILE's .preview.png every N steps")
    add_machine_options(parser)

    add = parser.add_argument_group("the loss").add_argument
    add("--loss", choices=list(DEFAULTS), default="pyramid",
        help="a Gram pyramid, of broad strokes, or the paper's (default: %(default)s)")  # fmt: skip
    add("--content-weight", type=number_between(0), metavar="W", help=f"default: {_defaults('content_weight')}")
    add("--style-weight", type=number_between(0), metavar="W", help=f"default: {_defaults('style_weight')}")
    add(
        "--tone-weight",
        type=number_between(0),
        metavar="W",
        help=f"keep light light, dark dark (default: {_defaults('tone_weight')})",
    )
    add(
        "--palette-weight",
        type=number_between(0),
        metavar="W",
        help=f"the painting's colours (default: {_defaults('palette_weight')})",
    )
    add("--network", choices=list(STYLE_LAYERS), default="vgg16", help="default: %(default)s")
    add("--content-layers", type=layer_names, metavar="NAME,...", help="with --loss gatys; default: relu4_2")
    add("--style-layers", type=layer_names, metavar="NAME,...", help="with --loss gatys; default: " + "; ".join(
        f"{network}: {','.join(names)}" for network, names in STYLE_LAYERS.items()))  # fmt: skip
    add("--pooling", choices=["max", "average"], default="average", help="default: %(default)s")

    add = parser.add_argument_group("the optimisation").add_argument
    add("--start", choices=["photo", "noise"], default="photo", help="what to begin with (default: %(default)s)")
    add("--seed", type=integer_from(0), default=0, metavar="N", help="of the noise (default: %(default)s)")
    add("--optimizer", choices=["lbfgs", "adam"], default="lbfgs", help="default: %(default)s")
    return parser


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line; what was not given has the default of the loss. Exits with 2 where options conflict."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.loss == "pyramid" and (arguments.content_layers or arguments.style_layers):
        parser.error("--content-layers and --style-layers go with --loss gatys; a pyramid has layers of its own")
    for name, value in DEFAULTS[arguments.loss].items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, float(value))
    return arguments


def _defaults(name: str) -> str:
    return ", ".join(f"{values[name]:g} with {loss}" for loss, values in DEFAULTS.items())


def layer_names(text: str) -> tuple[str, ...]:
    """Parse names separated by commas, as an argparse type."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("expected layers such as relu3_3,relu4_2")
    return names
