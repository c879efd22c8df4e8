"""The metadata of a model file."""

from __future__ import annotations

import json
import os
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from export.checkpoints import Exportable
from export.errors import ExportError
from export.graph import MODEL_FORMAT_VERSION

ROOT = Path(__file__).resolve().parent.parent
STYLES_FILES = (ROOT / "pretrained/styles.toml", ROOT / "realtime/pretrained/styles.toml")  # checkout, installed
OLD_KEYS = {"painter": "artist"}  # the keys of older styles files, with their new names


def read_styles_file(path: Path | None) -> dict[str, dict[str, Any]]:
    """Read a styles file and return its tables by the style's name. path: None for the shipped one, if it exists.

    Raises ExportError if it cannot be read or is not one table per style.
    """
    if path is None:
        path = next((candidate for candidate in STYLES_FILES if os.path.isfile(candidate)), None)
        if path is None:
            return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ExportError(f"{path} is not TOML: {error}") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ExportError(f"{path}: {name!r} is not a table; write [style_name], then title, artist, year")
    return tables


def describe(
    network: Exportable, paintings: dict[str, dict[str, Any]], licence: str | None, stem: str
) -> dict[str, str]:
    """Return the metadata of a model file; every value is a string, lists and objects are JSON.

    paintings: the tables of the styles file. licence: replaces the network's own. stem: of the model file's name; it
    selects one of a style's sub-tables, each of which holds the figures of one network.
    """
    styles = [_entry(paintings.get(name, {}), stem) | {"name": name} for name in network.styles]
    return {
        "realtime_stylize": MODEL_FORMAT_VERSION,
        "multiple": str(network.multiple),
        "network": network.kind,
        "trunk": network.trunk_digest,
        "version": _version(),
        "styles": json.dumps(styles, ensure_ascii=False, default=str),  # str: TOML has dates
        "training": json.dumps(network.training, ensure_ascii=False),
        "licence": licence or network.licence,
    }


def _entry(table: dict[str, Any], stem: str) -> dict[str, Any]:
    """Return what is known of a painting, with the figures of one network, under the new names of the keys."""
    figures = {name: value for name, value in table.items() if isinstance(value, dict)}
    entry = {OLD_KEYS.get(name, name): value for name, value in table.items() if name not in figures}
    return entry | figures.get(stem, {})


def _version() -> str:
    try:
        return version("realtime-stylize")
    except PackageNotFoundError:
        return "0+unknown"  # run from a checkout that is not installed
