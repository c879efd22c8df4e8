"""Wiring of a run that writes files (`-o`): plans the jobs, builds what they need, and prints their results."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from realtime.batch.jobs import Job, plan_jobs, writes_into_folder
from realtime.batch.pipeline import MAX_WORKERS
from realtime.batch.process import BatchOptions, Result
from realtime.batch.progress import VideoProgress
from realtime.batch.runner import run_jobs
from realtime.cli.checks import check_files, check_ranges, height_of
from realtime.cli.options import stylizer_options
from realtime.cli.progress_bar import ProgressBar
from realtime.errors import StylizeError, printable
from realtime.sources.spool import spool_pipes
from realtime.stylizer.library import Library, load_library
from realtime.stylizer.look_options import look_from
from realtime.stylizer.style_track import Cue, StyleTrack, read_style_track
from realtime.stylizer.stylizer import Stylizer
from realtime.system.console import write_stderr

DAMAGED_INPUT = 3  # exit status: all is written, but an input was damaged


def run_files(arguments: argparse.Namespace) -> int:
    """Stylize every input into a file; return the exit status. Raises StylizeError."""
    check_ranges(arguments)
    options = _batch_options(arguments)
    check_files(arguments)
    with spool_pipes(arguments.inputs) as inputs:
        return _run_inputs(arguments, inputs, options)


def _run_inputs(arguments: argparse.Namespace, inputs: list[Path], options: BatchOptions) -> int:
    passed_over: list[str] = []
    closed: list[str] = []
    jobs = plan_jobs(inputs, arguments.output, passed_over, closed)
    _check_encodings(jobs, options)
    for line in closed + passed_over:
        write_stderr(line)
    library = load_library(arguments.models, arguments.network)
    style_track = _style_track(arguments, library)
    num_workers = MAX_WORKERS if any(not job.is_image for job in jobs) and not style_track.smooths else 1
    with Stylizer(**stylizer_options(arguments), library=library, num_workers=num_workers) as stylizer:
        write_stderr(f"{stylizer.provider.upper()}: {stylizer.provider_reason}")
        results = _run(jobs, stylizer, style_track, options, as_json=arguments.json)
    failed = [result for result in results if result.state == "failed"]
    if failed:
        write_stderr(f"{len(failed)} of {len(results)} could not be painted:")
        for result in failed:
            write_stderr(f"  {result.error}")
    for line in closed:
        write_stderr(line)
    return 1 if failed or closed else DAMAGED_INPUT if any(result.losses for result in results) else 0


def _check_encodings(jobs: list[Job], options: BatchOptions) -> None:
    """Raise the error of a wrong option before any work, unless it is right for another of the videos."""
    errors = []
    for job in jobs:
        if job.is_image:
            continue
        try:
            options.encoding(job)
        except StylizeError as error:
            errors.append(error)
        else:
            return
    if errors:
        raise errors[0]


def _batch_options(arguments: argparse.Namespace) -> BatchOptions:
    return BatchOptions(
        height=height_of(arguments),
        scale_output=arguments.scale_output,
        codec=arguments.codec,
        crf=arguments.crf,
        preset=arguments.preset,
        track=arguments.track,
        frames=arguments.frames,
        overwrite=arguments.overwrite,
        resume=arguments.resume,
        into_folder=writes_into_folder(arguments.inputs, arguments.output),
        progress=ProgressBar if sys.stderr.isatty() else VideoProgress,
    )


def _style_track(arguments: argparse.Namespace, library: Library) -> StyleTrack:
    look = look_from(arguments, library)
    if arguments.style_track is None:
        return StyleTrack((Cue(0.0, look),))
    return read_style_track(arguments.style_track, library, look)


def _run(
    jobs: list[Job], stylizer: Stylizer, style_track: StyleTrack, options: BatchOptions, *, as_json: bool
) -> list[Result]:
    """Run the jobs and print their results; as JSON at the end, also after an error."""
    results: list[Result] = []
    try:
        # The results come first in the zip, so that an error that follows the last one is raised too.
        for result, job in zip(run_jobs(jobs, stylizer, style_track, options), jobs, strict=False):
            results.append(result)
            if result.state == "failed" and options.into_folder:  # else it is raised, and printed by `main`
                write_stderr(f"realtime-stylize: {result.error}")
            _print_result(result, is_image=job.is_image, as_json=as_json)
    finally:
        if as_json:
            print(json.dumps({"files": [asdict(result) for result in results]}, indent=2), flush=True)
    return results


def _print_result(result: Result, *, is_image: bool, as_json: bool) -> None:
    """Print what was damaged to stderr, and unless JSON follows a line about the output to stdout."""
    for loss in result.losses:
        write_stderr(f"{result.source}: {loss}")
    if as_json or result.state in ("failed", "interrupted"):
        return
    output = printable(result.output)
    if result.state == "skipped":
        print(f"{output} is there already: skipped", flush=True)
    elif is_image:
        print(f"{output}: painted in {result.wall:.1f} s", flush=True)
    else:
        seconds, wall = result.seconds, result.wall
        print(f"{output}: {result.frames} frames, {seconds:.2f} s, painted in {wall:.1f} s", flush=True)
