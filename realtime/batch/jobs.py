"""Which file becomes which: the inputs and -o of the command line, as a list of jobs."""

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


@dataclass(frozen=True)
class Job:
    """One file to paint, and where to."""

    source: Path
    output: Path

    @property
    def still(self) -> bool:
        """A picture, not a film."""
        return is_image(self.source)


def is_batch(inputs: list[Path], output: str) -> bool:
    """Whether -o names a folder: it ends in a slash, or is one, or there is more than one input."""
    slash = output.endswith(("/", os.sep))
    return slash or Path(output).is_dir() or len(inputs) > 1 or any(path.is_dir() for path in inputs)


def plan_jobs(inputs: list[Path], output: str) -> list[Job]:
    """What to paint where. Raises UsageError where that cannot be."""
    target = Path(output)
    if not is_batch(inputs, output):
        return [Job(inputs[0], _fitting(inputs[0], target))]
    writable = target.suffix.lower() in (*WRITABLE_IMAGE_SUFFIXES, *CONTAINERS)
    looks_like_a_file = writable and not output.endswith(("/", os.sep))
    if not target.is_dir() and (target.exists() or looks_like_a_file):
        raise UsageError(f"-o {output}: several inputs need a folder, as in -o {target.with_suffix('')}/")
    jobs: list[Job] = []
    taken: dict[Path, Path] = {}
    for path in inputs:
        for source in find_files([path], but=target):
            below = source.relative_to(path) if path.is_dir() else Path(source.name)
            job = Job(source, target / _named(below))
            if job.output in taken:
                raise UsageError(f"{source} and {taken[job.output]} would both become {job.output}")
            taken[job.output] = source
            jobs.append(job)
    return jobs


def find_files(inputs: list[Path], but: Path | None = None) -> list[Path]:
    """The films and pictures named, and those in the folders named, except in the folder of the results.

    Raises UsageError where a folder has none.
    """
    files: list[Path] = []
    for path in inputs:
        found = _walk(path, but, READABLE_SUFFIXES) if path.is_dir() else [path]
        if not found:
            raise UsageError(f"{path}: no film and no picture in it, of a kind that can be read")
        files += found
    return files


def passed_over(inputs: list[Path], but: Path | None = None) -> list[Path]:
    """The pictures in the folders named that nothing here reads, except in the folder of the results."""
    return [file for path in inputs if path.is_dir() for file in _walk(path, but, UNREADABLE_IMAGE_SUFFIXES)]


def _walk(folder: Path, but: Path | None, endings: tuple[str, ...]) -> list[Path]:
    """Every file of some kinds in a folder and below it, except in the folder of the results."""
    top, results = (Path(os.path.realpath(path)) for path in (folder, but or folder))
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in endings or path.name.startswith("._"):  # what macOS puts beside files
            continue
        inside = results != top and results in Path(os.path.realpath(path)).parents
        if not inside and path.is_file():
            found.append(path)
    return found


def _named(below: Path) -> Path:
    """The same name; with another ending behind it where nothing is written as that. It depends on no other file."""
    writable = WRITABLE_IMAGE_SUFFIXES if is_image(below) else tuple(CONTAINERS)
    if below.suffix.lower() in writable:
        return below
    return below.with_name(below.name + (".png" if is_image(below) else ".mp4"))


def _fitting(source: Path, target: Path) -> Path:
    if source.suffix.lower() in UNREADABLE_IMAGE_SUFFIXES:
        raise UsageError(f"{source}: pictures of this kind cannot be read; save it as .jpg or .png first")
    endings = WRITABLE_IMAGE_SUFFIXES if is_image(source) else tuple(CONTAINERS)
    if target.suffix.lower() not in endings:
        kind = "picture" if is_image(source) else "film"
        raise UsageError(f"-o {target}: {source} is a {kind}, and {kind}s are written as {', '.join(endings)}")
    return target
