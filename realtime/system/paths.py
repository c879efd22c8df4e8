"""Where the program keeps its files on this system."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def shipped_folder() -> Path:
    """Where the models of this package lie: inside it when installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "pretrained"
    return inside if inside.is_dir() else package.parent / "pretrained"


def user_folder() -> Path:
    """Where the user's own models lie; it need not exist."""
    return platformdirs.user_data_path("realtime-stylize", appauthor=False, roaming=True) / "models"


def cache_folder() -> Path:
    """What can be made again if it is lost; it need not exist."""
    return platformdirs.user_cache_path("realtime-stylize", appauthor=False)


def config_path() -> Path:
    """Where the user's config file lies; it need not exist."""
    return platformdirs.user_config_path("realtime-stylize", appauthor=False, roaming=True) / "config.toml"
