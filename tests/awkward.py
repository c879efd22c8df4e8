"""Films as cameras, phones, converters and broken disks make them: what docs/video-compatibility.md shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from tests.movies import H264, PICTURE, TONE, make

AAC = ("-c:a", "aac")
ANAMORPHIC = ("-vf", "setsar=4/3")
LATE = ("-itsoffset", "0.3")
MPEG4 = ("-pix_fmt", "yuv420p", "-c:v", "mpeg4", "-q:v", "2")
LONG = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=3")
VFR = ("-vf", "select='not(between(n,2,4))*not(between(n,6,6))'", "-fps_mode", "vfr")


@dataclass(frozen=True)
class Awkward:
    """A film. made: into that folder; endings: what it is painted into; video: its picture's track, for ffprobe."""

    name: str
    made: Callable[[Path], Path]
    endings: tuple[str, ...] = ("mp4",)
    video: str = "v:0"


def _film(ending: str, *arguments: str) -> Callable[[Path], Path]:
    return lambda folder: make(folder / f"in.{ending}", *arguments)


def turned(path: Path, degrees: float, flip: bool = False) -> Path:
    """The pictures lie as the camera held them; the file says: turn me."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(degrees, hflip=flip)
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:24, :32], picture[24:, 32:] = (255, 0, 0), (0, 255, 0)  # every turn looks different
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def _rich(folder: Path) -> Path:
    (folder / "s.srt").write_text("1\n00:00:00,200 --> 00:00:00,700\nBonjour\n")
    (folder / "m.txt").write_text(
        ";FFMETADATA1\ntitle=The Film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=Two\n"
    )
    inputs = (*PICTURE, *TONE, "-i", folder / "s.srt", "-i", folder / "m.txt")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-map", "2:s", "-map_metadata", "3")
    tags = ("-metadata:s:a:0", "language=fra", "-metadata:s:a:1", "language=deu")
    return make(folder / "in.mkv", *inputs, *maps, *tags, *H264, *AAC, "-c:s", "srt")


def _covered(folder: Path) -> Path:
    cover = make(folder / "cover.png", "-f", "lavfi", "-i", "color=red:s=400x400", "-frames:v", "1")
    plain = make(folder / "plain.mp4")
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", "-disposition:v:1", "default")
    return make(folder / "in.mp4", "-i", cover, "-i", plain, *maps)


def _cut_short(folder: Path) -> Path:
    whole = make(folder / "whole.mp4", *LONG, *H264, "-movflags", "faststart").read_bytes()
    (folder / "in.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    return folder / "in.mp4"


def _flipped(folder: Path) -> Path:
    data = bytearray(make(folder / "whole.mkv", *LONG, *H264, "-g", "5").read_bytes())
    dice = np.random.default_rng(3)
    for place in dice.integers(len(data) // 4, len(data), 12):
        data[place] ^= 1 << int(dice.integers(8))
    (folder / "in.mkv").write_bytes(data)
    return folder / "in.mkv"


def _nonsense(folder: Path) -> Path:
    (folder / "in.mp4").write_bytes(b"nonsense" * 99)
    return folder / "in.mp4"


_ODD = ("-f", "lavfi", "-i", "testsrc=s=63x47:r=10:d=1", "-pix_fmt", "yuv444p", "-c:v", "libx264")
_HDR = ("-pix_fmt", "yuv420p10le", "-color_trc", "smpte2084", "-color_primaries", "bt2020", "-colorspace", "bt2020nc")
_TWO = ("-f", "lavfi", "-i", "testsrc=s=32x32:r=10:d=1", *PICTURE, "-map", "0", "-map", "1", *H264)

FILMS = (
    Awkward("B-frames", _film("mp4", *PICTURE, *H264, "-bf", "2"), ("mp4", "mov", "mkv", "webm")),
    Awkward("variable frame rate", _film("mp4", *PICTURE, *VFR, *H264, "-bf", "2"), ("mp4", "mkv", "webm")),
    Awkward("23.976 frames a second", _film("mkv", *PICTURE[:3], "testsrc=s=64x48:r=24000/1001:d=1", *H264)),
    Awkward("turned by 90 degrees", lambda folder: turned(folder / "in.mp4", 90), ("mp4", "mkv")),
    Awkward("turned by 180 degrees", lambda folder: turned(folder / "in.mp4", 180)),
    Awkward("turned by -90 degrees and mirrored", lambda folder: turned(folder / "in.mp4", -90, flip=True)),
    Awkward("odd size, 63 x 47", _film("mkv", *_ODD), ("mp4", "webm")),
    Awkward("pixels of 4:3", _film("mp4", *PICTURE, *ANAMORPHIC, *H264), ("mp4", "mkv", "webm")),
    Awkward("full range of levels", _film("mp4", *PICTURE, "-vf", "scale=out_range=pc", *H264, "-color_range", "pc")),
    Awkward("10 bits a colour", _film("mkv", *PICTURE, "-c:v", "libx264", "-pix_fmt", "yuv420p10le")),
    Awkward("HDR (PQ)", _film("mkv", *PICTURE, "-c:v", "libx264", *_HDR)),
    Awkward("interlaced", _film("mp4", *PICTURE, "-vf", "interlace", *H264, "-flags", "+ildct+ilme")),
    Awkward("AVI with B-frames", _film("avi", *PICTURE, *MPEG4, "-bf", "2")),
    Awkward("transport stream, starts at 1.4 s", _film("ts", *PICTURE, *TONE, *H264, *AAC)),
    Awkward("GIF", _film("gif", *PICTURE)),
    Awkward("sound, in AAC", _film("mp4", *PICTURE, *TONE, *H264, *AAC), ("mp4", "mkv", "webm")),
    Awkward("sound's track first", _film("mkv", *PICTURE, *TONE, "-map", "1", "-map", "0", *H264, "-bf", "2", *AAC)),
    Awkward("picture 0.3 s after the sound", _film("mp4", *LATE, *PICTURE, *TONE, *H264, *AAC), ("mp4", "mkv")),
    Awkward("sound 0.3 s after the picture", _film("mp4", *PICTURE, *LATE, *TONE, *H264, *AAC), ("mp4", "mkv")),
    Awkward("two languages, subtitles, chapters", _rich, ("mkv", "mp4", "webm")),
    Awkward("cover art before the film", _covered, ("mp4", "mkv"), video="V:0"),
    Awkward("two pictures' tracks", _film("mkv", *_TWO), video="v:1"),
    Awkward("cut short", _cut_short, video="v:0"),
    Awkward("bits flipped on the disk", _flipped),
    Awkward("sound alone", _film("mp4", *TONE, *AAC)),
    Awkward("nonsense", _nonsense),
)  # fmt: skip
