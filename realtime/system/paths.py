"""Folders of the program's own files on this system."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import platformdirs

from realtime.errors import UsageError

# Stands for the folders of a user who has none: no HOME and no account, as in containers. Nothing is found in it, and
# writing there fails with an error that names it. A relative folder could belong to others.
NO_FOLDER = Path(os.devnull) / "no-home"


def shipped_folder() -> Path:
    """Return the folder of the shipped models: in the package when installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "pretrained"
    return inside if os.path.isdir(inside) else package.parent / "pretrained"


def user_folder() -> Path:
    """Return the folder of the user's own models; it need not exist."""
    return _user_path(platformdirs.user_data_path, roaming=True) / "models"


def cache_folder() -> Path:
    """Return the folder of files that can be made again if they are lost; it need not exist."""
    return _user_path(platformdirs.user_cache_path, roaming=False)


def config_path() -> Path:
    """Return the path of the user's config file; it need not exist."""
    return _user_path(platformdirs.user_config_path, roaming=True) / "config.toml"


def expand_user(path: Path) -> Path:
    """Return the path with a home folder in place of ~ or ~NAME. Raises UsageError if there is none."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: there is no such home folder") from None


def working_folder_problem() -> str:
    """Return why there is no working folder, or "" if there is one."""
    try:
        os.getcwd()
    except OSError as error:
        return f"the working folder is gone or closed ({error.strerror}); change to another one"
    return ""


def _user_path(find: Callable[..., Path], *, roaming: bool) -> Path:
    try:
        return find("realtime-stylize", appauthor=False, **({"roaming": True} if roaming else {}))
    except RuntimeError:  # there is no home folder
        return NO_FOLDER
