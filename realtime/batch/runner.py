"""Films and pictures into files: one after the other, the good ones whatever becomes of the bad ones."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from realtime.batch.jobs import Job, is_batch, passed_over, plan_jobs
from realtime.batch.pipeline import MAX_WORKERS, Painter
from realtime.batch.process import Result, VideoOptions, process_image, process_video
from realtime.cli.options import stylizer_options
from realtime.errors import OutputError, StylizeError
from realtime.sinks.output_file import OutputFile
from realtime.sinks.resume import find_begun, recipe, refuse_leftover
from realtime.sources.file_types import is_image
from realtime.stylizer.library import load_library
from realtime.stylizer.look_options import look_from
from realtime.stylizer.style_track import Cue, StyleTrack, read_style_track
from realtime.stylizer.stylizer import Stylizer
from realtime.system.console import say

LOSSES = 3  # exit status: done, but the input was damaged


def run(arguments: argparse.Namespace, rows: int | None) -> int:
    """Paint every input; returns the exit status. rows: the height to paint at, None for the input's own."""
    inputs: list[Path] = arguments.inputs
    batch = is_batch(inputs, arguments.output)
    jobs = plan_jobs(inputs, arguments.output)
    options = VideoOptions(
        arguments.codec, arguments.crf, arguments.preset, arguments.track, arguments.frames,
        scale=arguments.scale_output, resume=arguments.resume,
    )  # fmt: skip
    for job in jobs:
        if not job.still:
            options.encoding(job)  # a wrong wish is said before the work starts
    if unread := passed_over(inputs, Path(arguments.output)):
        few = ", ".join(str(path) for path in unread[:3]) + (", ..." if unread[3:] else "")
        say(f"passed over, of a kind that cannot be read (save as .jpg or .png first): {few} ({len(unread)} in all)")
    results: list[Result] = []
    library = load_library(arguments.models, arguments.network)
    look = look_from(arguments, library)
    path = arguments.style_track
    track = StyleTrack((Cue(0.0, look),)) if path is None else read_style_track(path, library, look)
    num_workers = MAX_WORKERS if any(not job.still for job in jobs) and not track.smooths else 1
    with Stylizer(**stylizer_options(arguments), library=library, num_workers=num_workers) as stylizer:
        say(f"{stylizer.provider.upper()}: {stylizer.provider_reason}")
        try:
            for job in jobs:
                results.append(Result(str(job.source), str(job.output)))
                wanted = None if job.still else _recipe(job, track, options, rows)
                paint = Painter(stylizer, rows, scale=options.scale, track=track)
                _attempt(job, results[-1], paint, options, rows, batch, arguments.overwrite, wanted)
                _report(results[-1], quiet=arguments.json)
        finally:
            if arguments.json:
                print(json.dumps({"files": [asdict(r) for r in results]}, indent=2), flush=True)
    failed = [result for result in results if result.state == "failed"]
    if batch and failed:
        say(f"{len(failed)} of {len(results)} could not be painted:")
        for result in failed:
            say(f"  {result.error}")
    return 1 if failed else LOSSES if any(result.losses for result in results) else 0


def _attempt(
    job: Job,
    result: Result,
    paint: Painter,
    options: VideoOptions,
    rows: int | None,
    batch: bool,
    overwrite: bool,
    wanted: dict[str, Any] | None,
) -> None:
    """One file. In a batch a failure is noted and the next one comes; alone it is raised."""
    began = time.perf_counter()
    try:
        begun = find_begun(job.output, wanted, options.frames) if options.resume and wanted is not None else None
        if not (job.still or overwrite or options.resume):
            refuse_leftover(job.output)
        there = job.output.exists() and not overwrite and begun is None and not _same(job.source, job.output)
        if there and (batch or options.resume):
            result.state = "skipped"
            return
        if batch:
            try:
                job.output.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{job.output.parent}: {error.strerror or error}") from error
        replaces = overwrite or (begun is not None and begun.replaces)
        target = OutputFile(job.output, sources=[job.source], overwrite=replaces, recipe=wanted, begun=begun)
        try:
            if job.still:
                process_image(job, target, paint, rows, result)
            else:
                process_video(job, target, paint, options, rows, result, keep=not batch, begun=begun)
        finally:
            target.drop_if_empty()
    except StylizeError as error:
        if not batch:
            raise
        result.state, result.error = "failed", str(error)
    finally:
        result.wall = round(time.perf_counter() - began, 3)


def _recipe(job: Job, track: StyleTrack, options: VideoOptions, rows: int | None) -> dict[str, Any]:
    return recipe(job.source, track, [rows, options.scale], options.track, options.encoding(job))


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _report(result: Result, quiet: bool) -> None:
    for loss in result.losses:
        say(f"{result.source}: {loss}")
    if result.error:
        say(f"realtime-stylize: {result.error}")
    if quiet or result.error:
        return
    if result.state == "skipped":
        print(f"{result.output} is there already: skipped", flush=True)
    elif is_image(Path(result.source)):
        print(f"{result.output}: painted in {result.wall:.1f} s", flush=True)
    else:
        print(f"{result.output}: {result.frames} frames, {result.seconds:.2f} s, painted in {result.wall:.1f} s")
        sys.stdout.flush()
