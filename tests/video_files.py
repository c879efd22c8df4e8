"""Media files for tests: made by the ffmpeg command, processed in this process, judged by ffprobe."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np

from realtime.batch.jobs import Job
from realtime.batch.process import BatchOptions, Result, process_video
from realtime.frame import Image
from realtime.sinks.output_file import OutputFile

VIDEO_INPUT = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1")
AUDIO_INPUT = ("-f", "lavfi", "-i", "sine=r=48000:d=1")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run ffmpeg, and return what it writes to stdout."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    completed = subprocess.run(command, capture_output=True, timeout=60)
    assert completed.returncode == 0, completed.stderr.decode()
    return completed.stdout


def make_media(path: Path, *arguments: str | Path) -> Path:
    """Write a media file: ten frames of 64 x 48 in a second, in H.264, unless the arguments say otherwise."""
    ffmpeg(*(arguments or (*VIDEO_INPUT, *H264)), path)
    return path


def probe(path: Path, *more: str) -> dict[str, Any]:
    """Return ffprobe's report on the streams, the format and the chapters. more: further options."""
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-show_chapters", "-of", "json", *more]
    completed = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=60)
    assert completed.returncode == 0, completed.stderr
    table: dict[str, Any] = json.loads(completed.stdout)
    return table


def streams(path: Path, kind: str) -> list[dict[str, Any]]:
    """Return ffprobe's report on the streams of one kind: video, audio or subtitle."""
    return [s for s in probe(path)["streams"] if s["codec_type"] == kind]


def packet_times(path: Path, stream: str = "v:0") -> list[float]:
    """Return the presentation time of each packet in seconds, ascending."""
    packets = probe(path, "-select_streams", stream, "-show_packets")["packets"]
    return sorted(float(p["pts_time"]) for p in packets)


def decode_frames(path: Path, width: int, height: int) -> list[Image]:
    """Return every frame as FFmpeg shows it, upright: [H, W, 3] RGB."""
    raw = ffmpeg("-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return list(np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3))


def audio_md5(path: Path, stream: int = 0) -> bytes:
    """Return the MD5 digest of a sound track's packets."""
    return ffmpeg("-i", path, "-map", f"0:a:{stream}", "-c", "copy", "-f", "md5", "-")


def copy_frame(image: Image, seconds: float) -> Image:
    """Stylize nothing, so that input and output can be compared."""
    return image.copy()


def process_file(source: Path, output: Path, **options: Any) -> Result:
    """Process a video in this process, without stylizing. options: of BatchOptions; a CRF of 4 unless they say so."""
    output_file = OutputFile(output, sources=[source])
    options = {"crf": 4} | options
    result = process_video(Job(source, output), output_file, copy_frame, BatchOptions(**options))
    assert not output_file.part.exists()
    return result


def max_difference(one: list[Image], other: list[Image]) -> float:
    """Return the largest mean difference between corresponding frames, in levels. There must be as many of both."""
    assert len(one) == len(other), (len(one), len(other))
    return max(float(np.abs(a.astype(np.int16) - b).mean()) for a, b in zip(one, other, strict=True))


def duration(path: Path) -> float:
    """Return the duration of the whole file in seconds."""
    return float(probe(path)["format"]["duration"])


def first_sound_time(path: Path) -> float:
    """Return when the first sound above silence is heard, in seconds."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(np.float64)).max(axis=0)
            loud = np.flatnonzero(samples > 0.02)
            if loud.size:
                return float(frame.time or 0) + float(loud[0]) / frame.sample_rate
    raise AssertionError("silence")
