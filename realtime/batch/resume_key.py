"""The resume key: all that two runs must have in common for their frames to fit together in one video."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import av

from realtime.batch.jobs import Job
from realtime.batch.process import BatchOptions
from realtime.stylizer.look import Look
from realtime.stylizer.style_track import StyleTrack

_SAMPLE_BYTES = 1 << 20  # read at the beginning, in the middle and at the end of the input


def make_resume_key(job: Job, style_track: StyleTrack, options: BatchOptions) -> dict[str, Any]:
    """Return the values of a job that a resuming run must share, by the names that users know them by.

    Names and values must stay as they are: they are in the .part.json files of earlier versions. The result is equal to
    itself after a round trip through JSON.
    """
    cues = style_track.cues
    encoding = options.encoding(job)
    table = {
        "input": _fingerprint(job.source),
        "--track": options.track,
        "look": _look_values(cues[0].look),
        "network (--network, --models)": [hashlib.sha256(cue.look.model.data).hexdigest() for cue in cues],
        "--style-track": [[cue.at, cue.fade, _look_values(cue.look)] for cue in cues[1:]],
        "--size": [options.height, options.scale_output],
        "--codec": encoding.encoder.name,
        "--crf or --preset": encoding.options,
        "version of FFmpeg": [av.__version__, *av.library_versions["libavcodec"]],
    }
    key: dict[str, Any] = json.loads(json.dumps(table))
    return key


def _look_values(look: Look) -> dict[str, Any]:
    """Return the settings of a look that does not fade. "before" and "share" stay for the files of older versions."""
    return {
        "weights": look.weights,
        "strength": look.strength,
        "keep_colors": look.keep_colors,
        "stroke": look.stroke,
        "smooth": look.smooth,
        "before": None,
        "share": 1.0,
    }


def _fingerprint(source: Path) -> list[Any]:
    """Return the file's size and a digest of samples, which takes no longer for a larger file.

    It is empty if the file cannot be read, which is reported when the file is opened.
    """
    digest = hashlib.sha256()
    try:
        with source.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            for place in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
                file.seek(place)
                digest.update(file.read(_SAMPLE_BYTES))
    except OSError:
        return []
    return [size, digest.hexdigest()]
