"""The batch runner: one job after the other; in a folder a file that fails does not stop the others."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from typing import Any

from realtime.batch.jobs import Job
from realtime.batch.pipeline import BatchFrameStylizer
from realtime.batch.process import BatchOptions, Result, process_image, process_video
from realtime.batch.resume_key import make_resume_key
from realtime.errors import OutputError, StylizeError, describe_unexpected
from realtime.sinks.output_file import OutputFile, lock_output
from realtime.sinks.resume import find_partial_video, require_no_leftover
from realtime.stylizer.style_track import StyleTrack
from realtime.stylizer.stylizer import Stylizer
from realtime.system.files import FileLock, same_file

logger = logging.getLogger(__name__)


def run_jobs(jobs: list[Job], stylizer: Stylizer, style_track: StyleTrack, options: BatchOptions) -> Iterator[Result]:
    """Run the jobs in their order, and yield the result of each.

    Raises KeyboardInterrupt after an interrupted job's result, and a failed job's StylizeError after its result unless
    the jobs' outputs go into a folder.
    """
    for job in jobs:
        started = time.perf_counter()
        error: StylizeError | None = None
        try:
            result = _run_job(job, stylizer, style_track, options)
        except StylizeError as caught:
            error = caught
            result = Result(str(job.source), str(job.output), "failed", error=str(error))
        except Exception as caught:
            error = _unexpected(job, caught)
            result = Result(str(job.source), str(job.output), "failed", error=str(error))
        except KeyboardInterrupt:
            result = Result(str(job.source), str(job.output), "interrupted")
        result.wall = round(time.perf_counter() - started, 3)
        yield result
        if result.state == "interrupted":
            raise KeyboardInterrupt
        if error is not None and not options.into_folder:
            raise error


def _run_job(job: Job, stylizer: Stylizer, style_track: StyleTrack, options: BatchOptions) -> Result:
    """Stylize one file, or skip it if its output exists. Raises StylizeError."""
    key = None if job.is_image else make_resume_key(job, style_track, options)
    if options.into_folder:
        try:
            job.output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{job.output.parent}: {error.strerror or error}") from error
    lock = lock_output(job.output)
    try:
        return _run_locked(job, stylizer, style_track, options, key, lock)
    finally:
        lock.release()


def _run_locked(
    job: Job,
    stylizer: Stylizer,
    style_track: StyleTrack,
    options: BatchOptions,
    key: dict[str, Any] | None,
    lock: FileLock,
) -> Result:
    partial = find_partial_video(job.output, key, options.frames) if options.resume and key is not None else None
    if not (job.is_image or options.overwrite or options.resume):
        require_no_leftover(job.output)
    exists = os.path.exists(job.output) and partial is None and not same_file(job.source, job.output)
    if exists and not options.overwrite and (options.into_folder or options.resume):
        return Result(str(job.source), str(job.output), "skipped")
    output = OutputFile(
        job.output,
        sources=[job.source],
        overwrite=options.overwrite or (partial is not None and partial.replaces),
        resume_key=key,
        resume_from=partial.path if partial is not None else None,
        lock=lock,
    )
    stylize = BatchFrameStylizer(stylizer, options.height, scale_output=options.scale_output, track=style_track)
    try:
        if job.is_image:
            return process_image(job, output, stylize, options)
        return process_video(job, output, stylize, options, partial)
    finally:
        output.drop_if_empty()


def _unexpected(job: Job, error: Exception) -> StylizeError:
    """Return an error that this program has not foreseen as one line about the file; --debug shows where it arose."""
    logger.debug("%s", job.source, exc_info=error)
    wrapped = StylizeError(f"{job.source}: {describe_unexpected(error)}")
    wrapped.__cause__ = error
    return wrapped
