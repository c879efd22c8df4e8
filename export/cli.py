"""The command `stylize-export`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from export.errors import ExportError
from realtime.system.files import same_file, write_atomic
from training.command_line import run_command

TRAIN_MODULES = {"onnx", "torch", "torchvision"}  # the extra `train` installs them


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="stylize-export",
        description="Turn a trained network into one model file of the live app, and prove that it paints the same.",
        epilog="Takes checkpoints of stylize-train, and of pytorch/examples fast_neural_style (.pth, .model).",
    )
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parser.add_argument(
        "-o", "--output", type=_parse_model_path, required=True, metavar="FILE", help="the model, .onnx"
    )
    parser.add_argument(
        "--styles-file", type=Path, metavar="FILE", help="TOML: title, artist, ... by style (default: ours)"
    )
    parser.add_argument(
        "--name", metavar="NAME", help="the style of a fast_neural_style checkpoint (default: its file's)"
    )
    parser.add_argument("--photos", type=Path, metavar="DIR", help="pictures to compare on, 8 at most (default: ours)")
    parser.add_argument(
        "--licence", metavar="TEXT", help="of the weights (default: MIT for our networks, else unknown)"
    )
    parser.add_argument(
        "--int8", action="store_true", help="write FILE's sibling for processors that multiply bytes too"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    return parser


def _parse_model_path(text: str) -> Path:
    """Return the path of a model file to write. Raises ArgumentTypeError if the name does not end with .onnx."""
    path = Path(text)
    if path.suffix.lower() != ".onnx" or path.name.lower().endswith(".int8.onnx"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no model's file: NAME.onnx is wanted, its sibling comes by --int8"
        )
    return path


def run(arguments: argparse.Namespace) -> int:
    """Check the output files, export, and print what was done; return 0. Raises ExportError or TrainingError."""
    for path in _outputs(arguments.output, arguments.int8):
        _check_output(path, arguments.checkpoint, arguments.overwrite)
    if arguments.int8 and arguments.photos is None:
        raise ExportError("--int8 needs --photos DIR: real frames, to learn from them how large values become")
    summary = export(
        arguments.checkpoint,
        arguments.output,
        styles_file=arguments.styles_file,
        name=arguments.name,
        photos=arguments.photos,
        licence=arguments.licence,
        int8=arguments.int8,
    )
    print(summary)
    return 0


def export(
    checkpoint: Path,
    output: Path,
    styles_file: Path | None = None,
    name: str | None = None,
    photos: Path | None = None,
    licence: str | None = None,
    int8: bool = False,
    max_photos: int | None = None,
) -> str:
    """Load a checkpoint, write its graph, verify the graph's bytes, and write them to a file, replacing an old one.

    styles_file: TOML of the paintings, None for the shipped one. name: of the one style of a TransformerNet.
    photos: a folder of photos to compare on, None for the shipped one. licence: replaces the network's own.
    int8: whether to write the int8 sibling too, which needs photos. max_photos: None for the defaults.
    Returns a summary for the user. Raises ExportError or TrainingError.
    """
    try:
        import numpy as np

        from export.checkpoints import load_exportable
        from export.metadata import describe, read_styles_file
        from export.quantize import quantize
        from export.verify import make_references, verify
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in TRAIN_MODULES:
            raise
        raise ExportError(f'{error.name} is missing: pip install "realtime-stylize[train]"') from error

    paintings = read_styles_file(styles_file)
    network = load_exportable(checkpoint, name)
    metadata = describe(network, paintings, licence, output.stem)
    model = network.write(np.float16, None).model(network.kind, metadata).SerializeToString()
    limit = {} if max_photos is None else {"max_photos": max_photos}
    expected = make_references(network, photos, **limit)
    models = [model, quantize(network, model, metadata, photos, expected, **limit)] if int8 and photos else [model]
    agreements = [verify(network, data, expected, int8=data is not model) for data in models]
    lines = []
    for path, data, agreement in zip(_outputs(output, int8), models, agreements, strict=True):
        try:
            write_atomic(path, data)
        except OSError as error:
            raise ExportError(f"{path}: {error.strerror or error}") from error
        lines.append(f"wrote {path}: {network.kind}, {len(data) / 1000:.0f} kB, {', '.join(network.styles)}")
        lines.append(
            f"against torch, {agreement.num_images} pictures: PSNR {agreement.worst:.1f} dB at worst, "
            f"{agreement.mean:.1f} dB on average, largest error {agreement.max_error} levels"
        )
    return "\n".join(lines)


def _outputs(output: Path, int8: bool) -> list[Path]:
    return [output, output.with_suffix(".int8.onnx")] if int8 else [output]


def main(argv: list[str] | None = None) -> int:
    """Run the command and return the exit status."""
    arguments = build_parser().parse_args(argv)
    return run_command("stylize-export", lambda: run(arguments), debug=arguments.debug)


def _check_output(output: Path, checkpoint: Path, overwrite: bool) -> None:
    try:
        if same_file(output, checkpoint):
            raise ExportError(f"{output} is the checkpoint itself")
        if os.path.exists(output) and not os.path.isfile(output):
            raise ExportError(f"{output} is not a file")
        if os.path.exists(output) and not overwrite:
            raise ExportError(f"{output} is there already; --overwrite replaces it")
        if not os.path.isdir(output.parent):
            raise ExportError(f"{output.parent}: no such folder")
    except OSError as error:
        raise ExportError(f"{error.filename}: {error.strerror or error}") from error


if __name__ == "__main__":
    sys.exit(main())
