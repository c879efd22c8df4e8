"""Jobs: which file becomes which, from the inputs and -o of the command line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import UsageError
from realtime.sinks.codecs import CONTAINERS
from realtime.sources.file_types import (
    READABLE_SUFFIXES,
    UNREADABLE_IMAGE_SUFFIXES,
    WRITABLE_IMAGE_SUFFIXES,
    is_image,
)
from realtime.system.files import sidecar_path


@dataclass(frozen=True)
class Job:
    """A file to stylize, and the file to write."""

    source: Path
    output: Path

    @property
    def is_image(self) -> bool:
        """Whether the source is an image, not a video."""
        return is_image(self.source)


def writes_into_folder(inputs: list[Path], output: str) -> bool:
    """Return whether -o names a folder: it ends in a slash or is one, or there are several inputs or a folder."""
    slash = output.endswith(("/", os.sep))
    return slash or os.path.isdir(Path(output)) or len(inputs) > 1 or any(os.path.isdir(path) for path in inputs)


def plan_jobs(inputs: list[Path], output: str) -> list[Job]:
    """Return a job for each file to stylize. Raises UsageError if the outputs cannot be named."""
    output_path = Path(output)
    if not writes_into_folder(inputs, output):
        _check_suffix(inputs[0], output_path)
        return [Job(inputs[0], output_path)]
    writable = output_path.suffix.lower() in (*WRITABLE_IMAGE_SUFFIXES, *CONTAINERS)
    looks_like_a_file = writable and not output.endswith(("/", os.sep))
    if not os.path.isdir(output_path) and (os.path.exists(output_path) or looks_like_a_file):
        raise UsageError(f"-o {output}: several inputs need a folder, as in -o {output_path.with_suffix('')}/")
    jobs: list[Job] = []
    source_of: dict[Path, Path] = {}  # sources by their outputs
    for path in inputs:
        for source in find_files([path], exclude=output_path):
            relative = source.relative_to(path) if os.path.isdir(path) else Path(source.name)
            job = Job(source, output_path / _output_name(relative))
            if job.output in source_of:
                raise UsageError(f"{source} and {source_of[job.output]} would both become {job.output}")
            source_of[job.output] = source
            jobs.append(job)
    return jobs


def find_files(inputs: list[Path], exclude: Path | None = None) -> list[Path]:
    """Return the files named, and the videos and images in the folders named. exclude: a folder of results.

    Raises UsageError if a folder has none.
    """
    files: list[Path] = []
    for path in inputs:
        found = _walk(path, exclude, READABLE_SUFFIXES) if os.path.isdir(path) else [path]
        if not found:
            raise UsageError(f"{path}: no film and no picture in it, of a kind that can be read")
        files += found
    return files


def find_unreadable(inputs: list[Path], exclude: Path | None = None) -> list[Path]:
    """Return the images in the folders named whose format cannot be read. exclude: a folder of results."""
    return [file for path in inputs if os.path.isdir(path) for file in _walk(path, exclude, UNREADABLE_IMAGE_SUFFIXES)]


def _walk(folder: Path, exclude: Path | None, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files with those suffixes in a folder and below it, sorted, except those in the folder `exclude`."""
    top, excluded = (Path(os.path.realpath(path)) for path in (folder, exclude or folder))
    files = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in suffixes or path.name.startswith("._"):  # resource files of macOS
            continue
        inside = excluded != top and excluded in Path(os.path.realpath(path)).parents
        if not inside and os.path.isfile(path):
            files.append(path)
    return files


def _output_name(relative: Path) -> Path:
    """Return the same name, with .png or .mp4 appended if that format is not written.

    Appended, not replaced, so that the name depends on no other file in the folder.
    """
    writable = WRITABLE_IMAGE_SUFFIXES if is_image(relative) else tuple(CONTAINERS)
    if relative.suffix.lower() in writable:
        return relative
    return sidecar_path(relative, ".png" if is_image(relative) else ".mp4")


def _check_suffix(source: Path, output: Path) -> None:
    """Raise UsageError if the source's format is not read, or not written under the output's suffix."""
    if source.suffix.lower() in UNREADABLE_IMAGE_SUFFIXES:
        raise UsageError(f"{source}: pictures of this kind cannot be read; save it as .jpg or .png first")
    suffixes = WRITABLE_IMAGE_SUFFIXES if is_image(source) else tuple(CONTAINERS)
    if output.suffix.lower() not in suffixes:
        kind = "picture" if is_image(source) else "film"
        raise UsageError(f"-o {output}: {source} is a {kind}, and {kind}s are written as {', '.join(suffixes)}")
