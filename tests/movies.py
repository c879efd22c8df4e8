"""Films made by FFmpeg's command, painted in this process, judged by ffprobe."""

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

PICTURE = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1")
TONE = ("-f", "lavfi", "-i", "sine=r=48000:d=1")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run it; what it writes to stdout."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def make(path: Path, *arguments: str | Path) -> Path:
    """A film: one second of moving bars, unless the arguments say otherwise."""
    ffmpeg(*(arguments or (*PICTURE, *H264)), path)
    return path


def probe(path: Path, *more: str) -> dict[str, Any]:
    """What ffprobe says of it."""
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-show_chapters", "-of", "json", *more]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    table: dict[str, Any] = json.loads(done.stdout)
    return table


def streams(path: Path, kind: str) -> list[dict[str, Any]]:
    """The streams of one kind: video, audio, subtitle."""
    return [s for s in probe(path)["streams"] if s["codec_type"] == kind]


def times(path: Path, stream: str = "v:0") -> list[float]:
    """When each packet is shown, in that order, in seconds."""
    packets = probe(path, "-select_streams", stream, "-show_packets")["packets"]
    return sorted(float(p["pts_time"]) for p in packets)


def pictures(path: Path, width: int, height: int) -> list[Image]:
    """Every picture as FFmpeg shows it, upright: [H, W, 3] RGB."""
    raw = ffmpeg("-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return list(np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3))


def sound(path: Path, stream: int = 0) -> bytes:
    """The MD5 of a sound track as it lies in the file."""
    return ffmpeg("-i", path, "-map", f"0:a:{stream}", "-c", "copy", "-f", "md5", "-")


def unpainted(image: Image, seconds: float) -> Image:
    """A painter that changes nothing, so that what comes out can be compared."""
    return image.copy()


def paint(source: Path, output: Path, **options: Any) -> Result:
    """Take a film through the whole line."""
    output_file = OutputFile(output, sources=[source])
    options = {"crf": 4} | options
    result = process_video(Job(source, output), output_file, unpainted, BatchOptions(**options))
    assert not output_file.part.exists()
    return result


def alike(one: list[Image], other: list[Image]) -> float:
    """The largest mean difference between two films' pictures, in levels."""
    assert len(one) == len(other), (len(one), len(other))
    return max(float(np.abs(a.astype(np.int16) - b).mean()) for a, b in zip(one, other, strict=True))


def length(path: Path) -> float:
    """The whole film's, in seconds."""
    return float(probe(path)["format"]["duration"])


def heard(path: Path) -> float:
    """When the first sound above silence is decoded, in seconds."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(np.float64)).max(axis=0)
            loud = np.flatnonzero(samples > 0.02)
            if loud.size:
                return float(frame.time or 0) + float(loud[0]) / frame.sample_rate
    raise AssertionError("silence")
