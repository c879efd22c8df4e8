"""Folders of the program's own files on this system."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def shipped_folder() -> Path:
    """Return the folder of the shipped models: in the package when installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "pretrained"
    return inside if os.path.isdir(inside) else package.parent / "pretrained"


def user_folder() -> Path:
    """Return the folder of the user's own models; it need not exist."""
    return platformdirs.user_data_path("realtime-stylize", appauthor=False, roaming=True) / "models"


def cache_folder() -> Path:
    """Return the folder of files that can be made again if they are lost; it need not exist."""
    return platformdirs.user_cache_path("realtime-stylize", appauthor=False)


def config_path() -> Path:
    """Return the path of the user's config file; it need not exist."""
    return platformdirs.user_config_path("realtime-stylize", appauthor=False, roaming=True) / "config.toml"
