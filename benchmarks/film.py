"""A film against its pictures in the network alone: time, memory, and what comes out beside a peer.

    python -m benchmarks.film [--sizes 640x360,1920x1080] [--seconds 10] [--peer styletransfer-lite]

Each film runs through the installed command, sound and all. --seconds 10,300 shows that memory stays flat. With
--peer (the command of the PyPI package styletransfer-lite, from an environment of its own) the same films go through
it too, and what came out of both stands side by side.
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

RATE = 25  # frames a second
SOUND = 48_000  # samples a second
TONE = 440  # Hz
SECONDS = 4  # of pictures in the network, before the film and after it


@dataclass
class VideoFile:
    """What is in a file. seconds: of the picture; sound: a digest of its packets, "" where there are none."""

    frames: int
    seconds: float
    size: str
    sound: str


@dataclass
class Run:
    """A command that has ended. wall, cpu: s, of all cores; peak: MiB of memory of its largest process."""

    wall: float
    cpu: float
    peak: float
    out: str


def main() -> int:
    """The entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.film", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="640x360,1920x1080", help="WIDTHxHEIGHT,...")
    parser.add_argument("--seconds", default="10", help="how long the films are: N,...")
    parser.add_argument("--clip", type=Path, help="this film instead of made ones")
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
    sides = Table("film", "by", "frames", "seconds", "size", "sound", "wall s", box=box.SIMPLE_HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for clip in clips(arguments, Path(folder)):
            source = look_into(clip)
            before = network(source, arguments.provider)
            ours = Path(folder) / "ours.mp4"
            command: list[str | Path] = [
                sys.executable,
                "-m",
                "realtime",
                clip,
                "-o",
                ours,
                "--overwrite",
                "--json",
            ]
            done = run([*command, "--provider", arguments.provider, "--preset", arguments.preset])
            frames = json.loads(done.out)["files"][0]["frames"]
            rounds = before + network(source, arguments.provider)
            wall, cpu = (statistics.median(figures) * frames for figures in zip(*rounds, strict=True))
            ratios = (f"{done.wall / wall:.2f}", f"{done.cpu / cpu:.2f}")
            figures = (f"{wall / frames * 1000:.1f}", f"{done.wall:.1f}", *ratios, f"{done.peak:.0f}")
            costs.add_row(clip.stem, str(frames), *figures)
            compare(sides, clip.stem, "(the film itself)", source, source, None)
            compare(sides, "", "ours", source, look_into(ours), done)
            if arguments.peer is not None:
                peer, longest = Path(folder) / "peer.mp4", max(map(int, source.size.split("x")))
                done = run([arguments.peer, "video", clip, "-o", peer, "--max-size", str(longest)])
                compare(sides, "", arguments.peer.name, source, look_into(peer), done)
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {platform.platform()}")
    console.print(costs)
    console.print(sides)
    return 0


def clips(arguments: argparse.Namespace, folder: Path) -> list[Path]:
    """The films to paint."""
    if arguments.clip is not None:
        return [arguments.clip]
    made = []
    for seconds in (float(text) for text in arguments.seconds.split(",")):
        for size in arguments.sizes.split(","):
            width, height = (int(side) for side in size.split("x"))
            made.append(make(folder / f"{size}, {seconds:g} s.mp4", (width, height), seconds))
    return made


def make(path: Path, size: tuple[int, int], seconds: float) -> Path:
    """A film of the demo scene, in H.264, with a tone in AAC."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = container.add_stream("aac", rate=SOUND, layout="mono")
        step = SOUND // RATE
        for number in range(round(seconds * RATE)):
            picture = av.VideoFrame.from_ndarray(render_scene(number / RATE, size), format="bgr24")
            container.mux(video.encode(picture))
            samples = np.arange(number * step, (number + 1) * step)
            wave = np.sin(2 * np.pi * TONE / SOUND * samples).astype(np.float32)[None] * 0.2
            sound = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = SOUND, number * step, Fraction(1, SOUND)
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def network(film: VideoFile, provider: str) -> list[tuple[float, float]]:
    """(wall, CPU) s that pictures of that size take in the network, for a while: machines slow down and recover."""
    width, height = (int(side) for side in film.size.split("x"))
    times: list[tuple[float, float]] = []
    with Stylizer(provider=provider) as stylizer:
        end = time.perf_counter() + SECONDS
        while len(times) < 13 or time.perf_counter() < end:
            number = len(times)
            picture = render_scene(number / RATE, (width, height))
            start, cpu = time.perf_counter(), time.process_time()
            stylizer.stylize(picture)
            times.append((time.perf_counter() - start, time.process_time() - cpu))
    return times[3:]


def run(command: list[str | Path]) -> Run:
    """Run it to its end; exits with its words if it fails."""
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
    """(MiB at most, CPU s, exit status)."""
    if sys.platform == "win32":
        return float("nan"), float("nan"), process.wait()
    _, code, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    peak = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return peak, usage.ru_utime + usage.ru_stime, process.returncode


def look_into(path: Path) -> VideoFile:
    """Decode the pictures, digest the sound."""
    digest, frames, end, size = hashlib.sha256(), 0, 0.0, ""
    with av.open(str(path)) as container:
        kinds = [container.streams.video[0], *container.streams.audio[:1]]
        for packet in container.demux(kinds):
            if packet.stream.type == "audio" and packet.size:
                digest.update(bytes(packet))
            elif packet.stream.type == "video":
                for picture in container.streams.video[0].codec_context.decode(packet):
                    frames, size = frames + 1, f"{picture.width}x{picture.height}"
                    length = float(picture.duration * (picture.time_base or 0)) or 1 / RATE
                    end = max(end, float(picture.time or 0) + length)
        return VideoFile(frames, end, size, digest.hexdigest() if container.streams.audio else "")


def compare(table: Table, film: str, by: str, source: VideoFile, result: VideoFile, done: Run | None) -> None:
    """One line of the side by side."""
    sound = "none" if not result.sound else "bit for bit" if result.sound == source.sound else "another"
    wall = f"{done.wall:.1f}" if done is not None else ""
    table.add_row(film, by, str(result.frames), f"{result.seconds:.2f}", result.size, sound, wall)


if __name__ == "__main__":
    sys.exit(main())
