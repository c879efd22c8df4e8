"""`stylize-export`: parse, wire, run."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from export.errors import ExportError
from training.errors import TrainingError

EXTRA = {"onnx", "torch", "torchvision"}  # modules of the extra `train`


def build_parser() -> argparse.ArgumentParser:
    """The command line of stylize-export."""
    parser = argparse.ArgumentParser(
        prog="stylize-export",
        description="Turn a trained network into one model file of the live app, and prove that it paints the same.",
        epilog="Takes checkpoints of stylize-train, and of pytorch/examples fast_neural_style (.pth, .model).",
    )
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the model, .onnx")
    parser.add_argument(
        "--styles-file", type=Path, metavar="FILE", help="TOML: title, painter, ... by style (default: ours)"
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


def run(arguments: argparse.Namespace) -> None:
    """Load, write the graph, verify its bytes, and only then make them a file."""
    output: Path = arguments.output
    outputs = [output, output.with_suffix(".int8.onnx")] if arguments.int8 else [output]
    for path in outputs:
        _check_output(path, arguments.checkpoint, arguments.overwrite)
    if arguments.int8 and arguments.photos is None:
        raise ExportError("--int8 needs --photos DIR: real frames, to learn from them how large values become")
    try:
        import numpy as np

        from export.checkpoints import load_exportable
        from export.metadata import describe, read_styles_file
        from export.quantize import quantize
        from export.verify import verify
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in EXTRA:
            raise
        raise ExportError(f"{error.name} is missing: pip install 'realtime-stylize[train]'") from error

    paintings = read_styles_file(arguments.styles_file)
    network = load_exportable(arguments.checkpoint, arguments.name)
    metadata = describe(network, paintings, arguments.licence)
    model = network.write(np.float16, None).model(network.kind, metadata).SerializeToString()
    models = [model, quantize(network, model, metadata, arguments.photos)] if arguments.int8 else [model]
    agreements = [verify(network, data, arguments.photos, int8=data is not model) for data in models]
    for path, data, agreement in zip(outputs, models, agreements, strict=True):
        _write(path, data)
        print(f"wrote {path}: {network.kind}, {len(data) / 1000:.0f} kB, {', '.join(network.styles)}")
        print(
            f"against torch, {agreement.pictures} pictures: PSNR {agreement.worst:.1f} dB at worst, "
            f"{agreement.mean:.1f} dB on average, largest error {agreement.error} levels"
        )


def main(argv: list[str] | None = None) -> int:
    """The entry point; returns the exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        run(arguments)
    except KeyboardInterrupt:
        return 130
    except (ExportError, TrainingError) as error:
        if arguments.debug:
            raise
        print(f"stylize-export: {error}", file=sys.stderr)
        return 1
    return 0


def _check_output(output: Path, checkpoint: Path, overwrite: bool) -> None:
    try:
        if output.exists() and checkpoint.exists() and output.samefile(checkpoint):
            raise ExportError(f"{output} is the checkpoint itself")
        if output.exists() and not output.is_file():
            raise ExportError(f"{output} is not a file")
        if output.exists() and not overwrite:
            raise ExportError(f"{output} is there already; --overwrite replaces it")
        if not output.parent.is_dir():
            raise ExportError(f"{output.parent}: no such folder")
    except OSError as error:
        raise ExportError(f"{error.filename}: {error.strerror or error}") from error


def _write(output: Path, model: bytes) -> None:
    part = output.with_name(output.name + ".part")
    try:
        part.write_bytes(model)
        os.replace(part, output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ExportError(f"{output}: {error.strerror or error}") from error


if __name__ == "__main__":
    sys.exit(main())
