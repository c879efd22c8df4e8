"""Jobs: which file becomes which, from the inputs and -o of the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from realtime.errors import UsageError
from realtime.sinks.codecs import CONTAINERS
from realtime.sources.file_types import (
    WRITABLE_IMAGE_SUFFIXES,
    FileKind,
    file_kind,
    is_image,
)
from realtime.system.files import real_path, sidecar_path

MAX_NAMES = 3  # files that a line names
SYSTEM_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")  # of macOS and Windows, in every folder; and ._ of macOS
_PASSED_OVER = {
    FileKind.UNREADABLE_IMAGE: "of a kind that cannot be read (save as .jpg or .png first)",
    FileKind.OTHER: "no film and no picture",
    None: "no file",
}


@dataclass(frozen=True)
class Job:
    """A file to stylize, and the file to write."""

    source: Path
    output: Path

    @cached_property
    def is_image(self) -> bool:
        """Whether the source is an image, not a video."""
        return is_image(self.source)


def writes_into_folder(inputs: list[Path], output: str) -> bool:
    """Return whether -o names a folder: it ends in a slash or is one, or there are several inputs or a folder."""
    slash = output.endswith(("/", os.sep))
    return slash or os.path.isdir(Path(output)) or len(inputs) > 1 or any(os.path.isdir(path) for path in inputs)


def plan_jobs(
    inputs: list[Path], output: str, passed_over: list[str] | None = None, closed: list[str] | None = None
) -> list[Job]:
    """Return a job for each file to stylize.

    passed_over: takes lines about what in folders is no file to stylize. closed: takes lines about folders that cannot
    be read.
    Raises UsageError if the outputs cannot be named.
    """
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
        for source in find_files([path], output_path, passed_over, closed):
            relative = source.relative_to(path) if os.path.isdir(path) else Path(source.name)
            job = Job(source, output_path / _output_name(relative, is_image(source)))
            if job.output in source_of:
                raise UsageError(f"{source} and {source_of[job.output]} would both become {job.output}")
            source_of[job.output] = source
            jobs.append(job)
    return jobs


def find_files(
    inputs: list[Path],
    exclude: Path | None = None,
    passed_over: list[str] | None = None,
    closed: list[str] | None = None,
) -> list[Path]:
    """Return the files named, and the videos and images in the folders named. exclude: a folder of results.

    passed_over: takes lines about what in the folders is neither. closed: takes lines about folders that cannot be
    read; without it they are lines of `passed_over`.
    Raises UsageError if a folder has none.
    """
    files: list[Path] = []
    passed_over = [] if passed_over is None else passed_over
    closed = passed_over if closed is None else closed
    for path in inputs:
        found = _search(path, exclude, passed_over, closed) if os.path.isdir(path) else [path]
        if not found:
            raise UsageError(f"{path}: no film and no picture in it, of a kind that can be read")
        files += found
    return files


def _search(folder: Path, exclude: Path | None, passed_over: list[str], closed: list[str]) -> list[Path]:
    """Return the videos and images in a folder and below it, sorted, except those in the folder `exclude`."""
    found: dict[FileKind | None, list[Path]] = {kind: [] for kind in (*FileKind, None)}
    for path in sorted(_walk(folder, exclude, closed)):
        is_linked_folder = os.path.isdir(path)
        if is_linked_folder or not os.path.isfile(path):  # also a pipe, and a link that leads nowhere
            found[None].append(path)
        else:
            found[file_kind(path)].append(path)
    for kind, reason in _PASSED_OVER.items():
        if found[kind]:
            names = ", ".join(map(str, found[kind][:MAX_NAMES])) + (", ..." if found[kind][MAX_NAMES:] else "")
            passed_over.append(f"passed over, {reason}: {names} ({len(found[kind])} in all)")
    return sorted(found[FileKind.IMAGE] + found[FileKind.VIDEO])


def _walk(folder: Path, exclude: Path | None, closed: list[str]) -> Iterator[Path]:
    """Yield all files in a folder and below it, and the links to folders.

    closed: takes lines about folders that cannot be read.
    """
    top, excluded = real_path(folder), real_path(exclude or folder)

    def report(error: OSError) -> None:
        closed.append(f"passed over: {error.filename}: {error.strerror or error}")

    for root, folders, names in os.walk(folder, onerror=report):
        if excluded != top:
            folders[:] = [name for name in folders if real_path(Path(root, name)) != excluded]
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        for name in names + links:
            path = Path(root, name)
            inside = excluded != top and excluded in real_path(path).parents
            if not inside and not name.startswith("._") and name not in SYSTEM_FILES:
                yield path


def _output_name(relative: Path, image: bool) -> Path:
    """Return the same name, with .png or .mp4 appended if that format is not written. image: whether it is one.

    Appended, not replaced, so that the name depends on no other file in the folder.
    """
    if relative.suffix.lower() in (WRITABLE_IMAGE_SUFFIXES if image else CONTAINERS):
        return relative
    return sidecar_path(relative, ".png" if image else ".mp4")


def _check_suffix(source: Path, output: Path) -> None:
    """Raise UsageError if the source's format is not read, or not written under the output's suffix."""
    if file_kind(source) is FileKind.UNREADABLE_IMAGE:
        raise UsageError(f"{source}: pictures of this kind cannot be read; save it as .jpg or .png first")
    suffixes = WRITABLE_IMAGE_SUFFIXES if is_image(source) else tuple(CONTAINERS)
    if output.suffix.lower() not in suffixes:
        kind = "picture" if is_image(source) else "film"
        raise UsageError(f"-o {output}: {source} is a {kind}, and {kind}s are written as {', '.join(suffixes)}")
