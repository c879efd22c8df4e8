"""One file painted into another: a film, or a picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from realtime.batch.jobs import Job
from realtime.batch.pipeline import Paint, Painter, render, scaled_size, working_size
from realtime.batch.progress import VideoProgress
from realtime.frame import Animation, Image, StillImage
from realtime.sinks.codecs import PRESET, Encoding, choose_encoding
from realtime.sinks.image import MOVING, notes_for, write_animation, write_image
from realtime.sinks.output_file import OutputFile
from realtime.sinks.resume import PartialVideo
from realtime.sinks.tracks import plan_tracks
from realtime.sinks.video import VideoSink
from realtime.sources.animation import count_animation_frames, decode_animation
from realtime.sources.image import decode_image, read_bytes
from realtime.sources.video import VideoFile
from realtime.system.console import say

WARM_UP = 12  # pictures painted again before the first new one, for looks that remember the ones before


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


@dataclass(frozen=True)
class VideoOptions:
    """How to read and write films: the command line's options of the same names."""

    codec: str | None = None
    crf: int | None = None
    preset: str = PRESET
    track: int | None = None
    frames: int | None = None
    scale: bool = False
    resume: bool = False

    def encoding(self, job: Job) -> Encoding:
        """How to write that one."""
        return choose_encoding(job.output, self.codec, self.crf, self.preset)


def process_image(job: Job, target: OutputFile, paint: Paint, rows: int | None, result: Result) -> None:
    """A picture into a picture; one that moves into one that moves, where it is written as such."""
    data = read_bytes(job.source)
    animation = decode_animation(job.source, data) if target.path.suffix.lower() in MOVING else None
    if animation is not None:
        _process_animation(job, target, paint, rows, result, animation)
        return
    still = decode_image(job.source, data)
    height, width = still.image.shape[:2]
    result.notes = still.notes + _smaller(width, height, rows) + notes_for(target, still)
    if count_animation_frames(data) > 1:
        result.notes.append("it moves; only its first picture is painted, as .png and .webp hold the others too")
    _tell(job, result.notes)
    painted = paint(still.image, 0.0)
    write_image(target, painted, _fitting(still, painted))
    result.frames = 1


def _process_animation(
    job: Job, target: OutputFile, paint: Paint, rows: int | None, result: Result, animation: Animation
) -> None:
    first, count, seconds = animation.pictures[0], len(animation.pictures), sum(animation.durations) / 1000
    result.losses = animation.losses
    result.notes = _smaller(first.image.shape[1], first.image.shape[0], rows)
    _tell(job, result.notes)
    images = []
    with VideoProgress(job.source.name, count, count / max(seconds, 1e-3)) as progress:
        for still, at in zip(animation.pictures, animation.times, strict=True):
            images.append(paint(still.image, at))
            progress.shown(len(images))
    pictures = [_fitting(still, image) for still, image in zip(animation.pictures, images, strict=True)]
    write_animation(target, images, replace(animation, pictures=pictures))
    result.frames, result.seconds = count, round(seconds, 3)


def _fitting(still: StillImage, painted: Image) -> StillImage:
    """With its transparency at the size that it was painted at."""
    if still.alpha is None or still.alpha.shape == painted.shape[:2]:
        return still
    alpha = cv2.resize(still.alpha, painted.shape[1::-1], interpolation=cv2.INTER_AREA)
    return replace(still, alpha=np.asarray(alpha))


def process_video(
    job: Job,
    target: OutputFile,
    paint: Paint,
    options: VideoOptions,
    rows: int | None,
    result: Result,
    *,
    keep: bool,
    begun: PartialVideo | None = None,
) -> None:
    """A film into a film. keep: give the name to what an interruption leaves, where that name is free.

    begun: what an earlier run has painted of it.
    """
    encoding = options.encoding(job)
    with VideoFile(job.source, track=options.track, max_frames=options.frames) as film:
        start = film.probe.start
        tracks, notes = plan_tracks(film.other_streams, encoding.container, film.probe.samples, start)
        format = film.format
        if options.scale:
            format = replace(format, size=scaled_size(*format.size, rows))
        sink = VideoSink(target, encoding, format, tracks, begun)
        result.notes = film.notes + _smaller(*film.format.size, rows) + sink.notes + notes
        if sink.kept:
            film.skip_frames = max(0, sink.kept - WARM_UP)
            result.notes.append(f"its first {sink.kept} pictures are painted already, and kept")
        _tell(job, result.notes)
        interrupted = False
        try:
            sink.describe(film.container, film.video_stream, start)
            sink.start()
            num_workers = paint.num_workers(*film.format.size) if isinstance(paint, Painter) else 1
            with VideoProgress(job.source.name, film.expected_frames, float(format.rate), sink.kept) as progress:
                render(
                    film,
                    paint,
                    sink,
                    progress.shown,
                    time_base=format.time_base,
                    skip=film.skip_frames,
                    num_workers=num_workers,
                )
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sink.abandon()
        result.frames, result.seconds = sink.frames, round(float(sink.end), 3)
        if interrupted:
            _stop(job, target, sink, result, keep and not target.replaces)
        sink.check()
        target.finish()
        mended = film.repaired_timestamps + sink.mended
        if mended:
            result.notes.append(f"times that stood still or ran backwards, mended: {mended}")
            _tell(job, result.notes[-1:])
        result.losses = film.losses + sink.losses


def _stop(job: Job, target: OutputFile, sink: VideoSink, result: Result, finish: bool) -> None:
    """After Ctrl-C: what is painted so far stays, and plays."""
    result.state = "interrupted"
    if sink.frames <= sink.kept:
        target.restore()
        say(f"{job.output}: interrupted before the first {'new ' if sink.kept else ''}picture")
        raise KeyboardInterrupt
    if finish:
        target.finish(whole=False)
    place = job.output if finish else target.part
    say(f"{place}: interrupted; it has the first {sink.frames} frames, {float(sink.end):.1f} s; --resume goes on")
    raise KeyboardInterrupt


def _smaller(width: int, height: int, rows: int | None) -> list[str]:
    size = working_size(width, height, rows)
    if rows is None and size[0] < width:
        return [f"it is painted at {size[0]} x {size[1]}, as much as fits into memory, and enlarged"]
    return []


def _tell(job: Job, notes: list[str]) -> None:
    for note in notes:
        say(f"{job.source}: {note}")
