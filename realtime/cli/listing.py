"""Lists of styles, cameras, providers, codecs and versions: tables for people, JSON for programs."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from realtime.errors import StylizeError, printable
from realtime.stylizer.library import load_library


def print_listing(arguments: argparse.Namespace) -> None:
    """Print what the command line asks about. Raises StylizeError."""
    if arguments.version:
        print(versions())
    elif arguments.completion:
        print(completion(arguments.completion))
    elif arguments.list_styles:
        print_styles(arguments.models, arguments.network, arguments.json)
    elif arguments.list_providers:
        print_providers(arguments.json)
    elif arguments.list_codecs:
        print_codecs(arguments.json)
    else:
        print_cameras(arguments.json)


def print_styles(models: Path | None, network: str, as_json: bool) -> None:
    """Print every style, with the number key that chooses it. Raises ModelError."""
    library = load_library(models, network)
    rows = [
        {
            "key": number if number <= 9 else None,
            "name": style.name,
            "painting": style.title,
            "artist": style.artist,
            "year": style.year,
            "model": str(model.path),
        }
        for number, (model, style) in enumerate(library.styles, 1)
    ]
    _print_rows(rows, ["key", "name", "painting", "artist", "year"], as_json)


def print_cameras(as_json: bool) -> None:
    """Print every camera that the system reports, with its modes."""
    from realtime.sources.camera_list import list_cameras
    from realtime.sources.camera_modes import list_modes, summarize_modes

    rows: list[dict[str, Any]] = []
    for camera in list_cameras():
        modes = list_modes(camera)
        row = {"index": camera.index, "name": camera.name, "path": camera.path, "backend": camera.backend}
        row |= {
            "sizes": [asdict(mode) for mode in modes] if as_json else summarize_modes(modes),
            "problem": camera.problem,
        }
        rows.append(row)
    if not rows and not as_json:
        print("no cameras found; --demo shows the program without one")
        return
    _print_rows(rows, ["index", "name", "sizes", "path", "problem"], as_json)


def print_providers(as_json: bool) -> None:
    """Print where the network can run; of the other providers what is missing, and how to install it."""
    from realtime.inference.providers import BACKENDS

    rows = []
    for name, backend in BACKENDS.items():
        problem = backend.find_problem()
        hint = (backend.install_hint() if problem else "") or None
        rows.append({"provider": name, "available": problem is None, "problem": problem, "to have it": hint})
    _print_rows(rows, ["provider", "available", "problem", "to have it"], as_json)


def print_codecs(as_json: bool) -> None:
    """Print the values of `--codec`, the files they go into, and whether they work here."""
    from realtime.sinks.codecs import CONTAINERS, ENCODERS, Encoding, find_problem

    rows: list[dict[str, Any]] = []
    for name, encoder in ENCODERS.items():
        problem = find_problem(Encoding("", encoder, encoder.options), software=True)
        suffixes = [suffix for suffix, (_, codecs) in CONTAINERS.items() if encoder.codec in codecs]
        crf = (
            f"{encoder.default_crf} ({encoder.crf_range[0]} to {encoder.crf_range[1]})" if encoder.crf_option else None
        )
        rows.append({"codec": name, "encoder": encoder.name, "files": " ".join(suffixes), "crf": crf})
        rows[-1] |= {"available": problem is None, "problem": problem}
    _print_rows(rows, ["codec", "files", "crf", "available", "problem"], as_json)


def completion(shell: str) -> str:
    """Return the code that makes a shell complete options. Raises StylizeError if argcomplete is not installed."""
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError as error:
        raise StylizeError('--completion needs argcomplete: pip install "realtime-stylize[completion]"') from error
    return str(shellcode(["realtime-stylize"], shell=shell))


def _print_rows(rows: list[dict[str, Any]], columns: list[str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    console = Console()
    console.print(table) if console.is_terminal else Console(width=200).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else escape(printable(str(value)))


def versions() -> str:
    """Return the versions of this program and of the libraries that it depends on most."""
    import av
    import cv2

    from realtime.inference.onnx_runtime import onnxruntime

    try:
        program = version("realtime-stylize")
    except PackageNotFoundError:
        program = "(not installed)"
    opencv_codec = re.search(r"avcodec:\s+YES \(([\d.]+)\)", cv2.getBuildInformation())
    pyav_codec = ".".join(map(str, av.library_versions["libavcodec"]))
    return (
        f"realtime-stylize {program}\n"
        f"onnxruntime {onnxruntime().__version__}\n"
        f"opencv {cv2.__version__} (its FFmpeg: libavcodec {opencv_codec.group(1) if opencv_codec else 'none'})\n"
        f"pyav {av.__version__} (its FFmpeg: {av.ffmpeg_version_info}, libavcodec {pyav_codec})"
    )
