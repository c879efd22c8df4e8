"""Processing of one file: a video or an image is read, stylized and written."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from realtime.batch.jobs import Job
from realtime.batch.pipeline import BatchFrameStylizer, Stylize, even_working_size, run_pipeline, working_size
from realtime.batch.progress import VideoProgress
from realtime.frame import Animation, Image, ImageMetadata, StillImage
from realtime.sinks.codecs import DEFAULT_PRESET, Encoding, choose_encoding
from realtime.sinks.image import ANIMATION_SUFFIXES, notes_for, write_animation, write_image
from realtime.sinks.output_file import OutputFile
from realtime.sinks.resume import PartialVideo
from realtime.sinks.track_plan import plan_tracks
from realtime.sinks.video import VideoSink
from realtime.sources.animation import count_animation_frames, decode_animation
from realtime.sources.image import decode_image, read_bytes
from realtime.sources.image_metadata import read_metadata
from realtime.sources.side_data import first_side_data
from realtime.sources.video import VideoFile

logger = logging.getLogger(__name__)


@dataclass
class Result:
    """The result of one file. Its fields are those of --json.

    state: painted, skipped, failed or interrupted. frames, seconds: of the output. wall: seconds that it took.
    notes: what was changed or left out on purpose; losses: what of the input was damaged.
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
class BatchOptions:
    """How to read, stylize and write files: mostly the command line's options of the same names.

    height: rows to stylize at, at most; None for the input's own. scale_output: write the size stylized at.
    codec, crf, preset: see `choose_encoding`. track: the video track to stylize, from 1; None for the largest.
    frames: stop after so many. overwrite: replace existing files. resume: go on with interrupted ones.
    into_folder: the output is a folder, so that missing folders are made, existing files are skipped, a file that fails
    does not stop the others, and an interrupted video does not get its final name. progress: how progress is shown.
    """

    height: int | None = None
    scale_output: bool = False
    codec: str | None = None
    crf: int | None = None
    preset: str = DEFAULT_PRESET
    track: int | None = None
    frames: int | None = None
    overwrite: bool = False
    resume: bool = False
    into_folder: bool = False
    progress: type[VideoProgress] = VideoProgress

    def encoding(self, job: Job) -> Encoding:
        """Return how to write the job's video. Raises UsageError or OutputError."""
        return choose_encoding(job.output, self.codec, self.crf, self.preset)


def process_image(job: Job, output: OutputFile, stylize: Stylize, options: BatchOptions) -> Result:
    """Stylize an image into an image; an animation into an animation, if the output's format holds such.

    Raises SourceError or OutputError.
    """
    data = read_bytes(job.source)
    animation = decode_animation(job.source, data) if output.path.suffix.lower() in ANIMATION_SUFFIXES else None
    if animation is not None:
        return _process_animation(job, output, stylize, options, animation)
    still = decode_image(job.source, data)
    height, width = still.image.shape[:2]
    notes = still.notes + _size_notes(width, height, options) + notes_for(output, still)
    if count_animation_frames(data) > 1:
        notes.append("it moves; only its first picture is painted, as .png and .webp hold the others too")
    elif still.metadata.pictures > 1:
        notes.append(f"it holds {still.metadata.pictures} pictures; only the first is painted")
    _log_notes(job, notes)
    stylized = stylize(still.image, 0.0)
    written = write_image(output, stylized, _resize_alpha(still, stylized))
    notes += _note_missing(job, still.metadata, written)
    return Result(str(job.source), str(job.output), frames=1, notes=notes)


def _process_animation(
    job: Job, output: OutputFile, stylize: Stylize, options: BatchOptions, animation: Animation
) -> Result:
    first, count, seconds = animation.pictures[0], len(animation.pictures), sum(animation.durations) / 1000
    notes = _size_notes(first.image.shape[1], first.image.shape[0], options)
    _log_notes(job, notes)
    images = []
    with options.progress(job.source.name, count, count / max(seconds, 1e-3)) as progress:
        for still, time in zip(animation.pictures, animation.times, strict=True):
            images.append(stylize(still.image, time))
            progress.update(len(images))
    stills = [_resize_alpha(still, image) for still, image in zip(animation.pictures, images, strict=True)]
    written = write_animation(output, images, replace(animation, pictures=stills))
    notes += _note_missing(job, animation.metadata, written)
    return Result(
        str(job.source), str(job.output),
        frames=count, seconds=round(seconds, 3), notes=notes, losses=animation.losses,
    )  # fmt: skip


def _note_missing(job: Job, metadata: ImageMetadata, written: bytes) -> list[str]:
    """Tell the user what the input holds and the written output does not; return it."""
    missing = metadata.missing_in(read_metadata(written))
    notes = [f"left out of {job.output.suffix}: {', '.join(missing)}"] if missing else []
    _log_notes(job, notes)
    return notes


def _resize_alpha(still: StillImage, stylized: Image) -> StillImage:
    """Return the still with its alpha channel in the stylized image's size."""
    if still.alpha is None or still.alpha.shape == stylized.shape[:2]:
        return still
    alpha = cv2.resize(still.alpha, stylized.shape[1::-1], interpolation=cv2.INTER_AREA)
    return replace(still, alpha=np.asarray(alpha))


def process_video(
    job: Job, output: OutputFile, stylize: Stylize, options: BatchOptions, partial: PartialVideo | None = None
) -> Result:
    """Stylize a video into a video.

    partial: frames of an interrupted run to keep; the output must have been made with `resume_from=partial.path`.
    After Ctrl-C the result's state is "interrupted", and the output holds the frames so far.
    Raises SourceError, UsageError or OutputError.
    """
    encoding = options.encoding(job)
    with VideoFile(job.source, track=options.track, max_frames=options.frames) as video:
        tracks, track_notes = plan_tracks(video.other_streams, encoding.container, video.probe.samples)
        format = video.format
        if options.scale_output:
            format = replace(format, size=even_working_size(*format.size, options.height))
        sink = VideoSink(output, encoding, format, tracks, partial)
        clock_note = video.probe.timeline.note()
        notes = (
            video.notes
            + [clock_note] * bool(clock_note)
            + _size_notes(*video.format.size, options)
            + sink.notes
            + track_notes
            + [sink.alpha.note] * (video.is_transparent and not sink.alpha.is_kept)
        )
        if sink.kept_frames:
            video.skip_frames = sink.kept_frames
            if isinstance(stylize, BatchFrameStylizer):
                video.skip_frames = stylize.resume(sink.kept_frames)
            notes.append(f"its first {sink.kept_frames} pictures are painted already, and kept")
        _log_notes(job, notes)
        interrupted = False
        try:
            sink.copy_metadata(video.container, video.video_stream, video.probe.timeline.start)
            sink.start()
            num_workers = stylize.num_workers(*video.format.size) if isinstance(stylize, BatchFrameStylizer) else 1
            with options.progress(
                job.source.name, video.expected_frames, float(format.rate), sink.kept_frames
            ) as progress:
                run_pipeline(
                    video, stylize, sink, progress.update,
                    time_base=format.time_base, skip_frames=video.skip_frames, num_workers=num_workers,
                )  # fmt: skip
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sink.abandon()
        result = Result(str(job.source), str(job.output), frames=sink.frames, seconds=round(float(sink.end), 3))
        result.notes = notes
        if interrupted:
            result.state = "interrupted"
            _finish_interrupted(job, output, sink, options)
            return result
        more_notes = _finish_whole(output, video, sink, notes)
        _log_notes(job, more_notes)
        notes += more_notes
        result.losses = video.losses + sink.losses
        return result


def _finish_whole(output: OutputFile, video: VideoFile, sink: VideoSink, notes: list[str]) -> list[str]:
    """Check the output and give it its final name; return what is to be told beside the notes before.

    Raises OutputError.
    """
    lacks = sink.verify()
    lost = sorted(video.side_data - first_side_data(output.part)) if video.side_data else []
    lacks += [f"left out of the pictures: {', '.join(lost)}"] if lost else []
    output.finish()
    repaired = video.repaired_timestamps + sink.repaired_timestamps
    return (
        [sink.alpha.note] * (sink.alpha.is_lost and sink.alpha.note not in notes)
        + [f"times that stood still or ran backwards, mended: {repaired}"] * bool(repaired)
        + lacks
    )


def _finish_interrupted(job: Job, output: OutputFile, sink: VideoSink, options: BatchOptions) -> None:
    """Keep the frames so far, under the final name if that is free; without a new one undo everything."""
    if sink.frames <= sink.kept_frames:
        output.restore()
        logger.warning("%s: interrupted before the first %spicture", job.output, "new " if sink.kept_frames else "")
        return
    path = output.part
    if not options.into_folder and not output.replaces:
        output.finish(whole=False)
        path = job.output
    logger.warning(
        "%s: interrupted; it has the first %d frames, %.1f s; --resume goes on", path, sink.frames, float(sink.end)
    )


def _size_notes(width: int, height: int, options: BatchOptions) -> list[str]:
    size = working_size(width, height, options.height)
    if options.height is None and size[0] < width:
        return [f"it is painted at {size[0]} x {size[1]}, as much as fits into memory, and enlarged"]
    return []


def _log_notes(job: Job, notes: list[str]) -> None:
    for note in notes:
        logger.warning("%s: %s", job.source, note)
