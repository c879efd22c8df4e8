"""Films and pictures into files: one after the other, the good ones whatever becomes of the bad ones."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from realtime.errors import OutputError, StylizeError, UsageError
from realtime.jobs import Job, is_batch, is_still, plan_jobs
from realtime.progress import FilmProgress
from realtime.render import Paint, painter, render, working_size
from realtime.sinks.codecs import choose_encoding
from realtime.sinks.film import FilmSink
from realtime.sinks.still import notes_for, write_still
from realtime.sinks.target import Target
from realtime.sinks.tracks import plan_tracks
from realtime.sources.film import Film
from realtime.sources.still import read_still
from realtime.stylizer import Stylizer

LOSSES = 3  # exit status: done, but the input was damaged


@dataclass
class Result:
    """What became of one file. state: painted, skipped, failed or interrupted.

    notes: what was changed or left out on purpose; losses: what the input lacked; wall: s.
    """

    source: str
    output: str
    state: str = "painted"
    frames: int = 0
    seconds: float = 0.0
    wall: float = 0.0
    notes: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    error: str = ""


def run(arguments: argparse.Namespace, rows: int | None) -> int:
    """Paint every input; returns the exit status. rows: the height to paint at, None for the input's own."""
    inputs: list[Path] = arguments.inputs
    check(arguments)
    batch = is_batch(inputs, arguments.output)
    jobs = plan_jobs(inputs, arguments.output)
    if not any(job.still for job in jobs):
        for job in jobs:
            choose_encoding(job.output, arguments.codec, arguments.crf, arguments.preset)
    results: list[Result] = []
    with Stylizer(
        arguments.style, strength=arguments.strength, provider=arguments.provider, models=arguments.models
    ) as stylizer:
        _say(f"{stylizer.provider.upper()}: {stylizer.why}")
        paint = painter(stylizer, rows)
        try:
            for job in jobs:
                results.append(Result(str(job.source), str(job.output)))
                _attempt(job, results[-1], paint, arguments, rows, batch)
                _report(results[-1], quiet=arguments.json)
        finally:
            if arguments.json:
                print(json.dumps({"files": [asdict(r) for r in results]}, indent=2, ensure_ascii=False), flush=True)
    failed = [result for result in results if result.state == "failed"]
    if batch and failed:
        _say(f"{len(failed)} of {len(results)} could not be painted:")
        for result in failed:
            _say(f"  {result.error}")
    return 1 if failed else LOSSES if any(result.losses for result in results) else 0


def check(arguments: argparse.Namespace) -> None:
    """Refuse what makes no sense together. Raises UsageError."""
    if not arguments.inputs:
        raise UsageError(f"-o {arguments.output}: what is to be painted? Name a film, a picture or a folder")
    if arguments.output is None:
        raise UsageError(f"{arguments.inputs[0]}: -o FILE is needed, to say where the painted one goes")
    if arguments.camera is not None or arguments.demo:
        raise UsageError("a camera or the demo cannot be combined with files")


def _attempt(
    job: Job, result: Result, paint: Paint, arguments: argparse.Namespace, rows: int | None, batch: bool
) -> None:
    """One file. In a batch a failure is noted and the next one comes; alone it is raised."""
    began = time.monotonic()
    try:
        if batch:
            if job.output.exists() and not arguments.overwrite and not _same(job.source, job.output):
                result.state = "skipped"
                return
            try:
                job.output.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{job.output.parent}: {error.strerror or error}") from error
        target = Target(job.output, sources=[job.source, *arguments.inputs], overwrite=arguments.overwrite)
        try:
            if job.still:
                paint_still(job, target, paint, rows, result)
            else:
                paint_film(job, target, paint, arguments, rows, result, keep=not batch)
        finally:
            target.drop_if_empty()
    except StylizeError as error:
        if not batch or arguments.debug:
            raise
        result.state, result.error = "failed", str(error)
    finally:
        result.wall = round(time.monotonic() - began, 3)


def paint_still(job: Job, target: Target, paint: Paint, rows: int | None, result: Result) -> None:
    """A picture into a picture."""
    still = read_still(job.source)
    height, width = still.image.shape[:2]
    result.notes = still.notes + _smaller(width, height, rows) + notes_for(target, still)
    _tell(job, result.notes)
    write_still(target, paint(still.image), still)
    result.frames = 1


def paint_film(
    job: Job,
    target: Target,
    paint: Paint,
    arguments: argparse.Namespace,
    rows: int | None,
    result: Result,
    *,
    keep: bool,
) -> None:
    """A film into a film. keep: give the name to what an interruption leaves, where that name is free."""
    encoding = choose_encoding(job.output, arguments.codec, arguments.crf, arguments.preset)
    with Film(job.source, track=arguments.track, frames=arguments.frames) as film:
        start = film.survey.start
        tracks, notes = plan_tracks(film.others, encoding.container, film.survey.samples, start)
        sink = FilmSink(target, encoding, film.format, tracks)
        result.notes = film.notes + _smaller(*film.format.size, rows) + sink.notes + notes
        _tell(job, result.notes)
        interrupted = False
        try:
            sink.describe(film.container, film.video, start)
            sink.start()
            with FilmProgress(job.source.name, film.total, float(film.format.rate)) as progress:
                render(film, paint, sink, progress.shown)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sink.abandon()
        result.frames, result.seconds = sink.frames, round(float(sink.end), 3)
        if interrupted:
            _stop(job, target, sink, result, keep and not target.replaces)
        sink.check()
        target.finish()
        mended = film.mended + sink.mended
        if mended:
            result.notes.append(f"{mended} times that stood still or ran backwards were mended")
            _tell(job, result.notes[-1:])
        result.losses = film.losses + sink.losses


def _stop(job: Job, target: Target, sink: FilmSink, result: Result, finish: bool) -> None:
    """After Ctrl-C: what is painted so far stays, and plays."""
    result.state = "interrupted"
    if sink.frames == 0:
        target.part.unlink(missing_ok=True)
        _say(f"{job.output}: interrupted before the first picture")
        raise KeyboardInterrupt
    if finish:
        target.finish()
    place = job.output if finish else target.part
    _say(f"{place}: interrupted; it has the first {sink.frames} frames, {float(sink.end):.1f} s")
    raise KeyboardInterrupt


def _smaller(width: int, height: int, rows: int | None) -> list[str]:
    size = working_size(width, height, rows)
    if rows is None and size[0] < width:
        return [f"it is painted at {size[0]} x {size[1]}, as much as fits into memory, and enlarged"]
    return []


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _tell(job: Job, notes: list[str]) -> None:
    for note in notes:
        _say(f"{job.source}: {note}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _report(result: Result, quiet: bool) -> None:
    for loss in result.losses:
        _say(f"{result.source}: {loss}")
    if result.error:
        _say(f"realtime-stylize: {result.error}")
    if quiet or result.error:
        return
    if result.state == "skipped":
        print(f"{result.output} is there already: skipped", flush=True)
    elif is_still(Path(result.source)):
        print(f"{result.output}: painted in {result.wall:.1f} s", flush=True)
    else:
        print(f"{result.output}: {result.frames} frames, {result.seconds:.2f} s, painted in {result.wall:.1f} s")
        sys.stdout.flush()
