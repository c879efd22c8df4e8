"""Videos as cameras, phones, converters and broken disks produce them: the inputs of docs/video_compatibility.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from tests.video_files import AUDIO_INPUT, H264, VIDEO_INPUT, make_media

AAC = ("-c:a", "aac")
H264_AAC = (*H264, *AAC)
ANAMORPHIC = ("-vf", "setsar=4/3")
LATE = ("-itsoffset", "0.3")
MPEG4 = ("-pix_fmt", "yuv420p", "-c:v", "mpeg4", "-q:v", "2")
LONG = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=3")
VFR = ("-vf", "select='not(between(n,2,4))*not(between(n,6,6))'", "-fps_mode", "vfr")


@dataclass(frozen=True)
class AwkwardVideo:
    """A video that is hard to process.

    make: writes it into a folder, and returns its path. output_suffixes: of the files that it is processed into.
    video_stream: ffprobe's specifier of the stream that is stylized. clock_jumps: whether its times are of several
    clocks.
    """

    name: str
    make: Callable[[Path], Path]
    output_suffixes: tuple[str, ...] = ("mp4",)
    video_stream: str = "v:0"
    clock_jumps: bool = False


def _maker(suffix: str, *arguments: str) -> Callable[[Path], Path]:
    return lambda folder: make_media(folder / f"in.{suffix}", *arguments)


def make_rotated(path: Path, degrees: float, flip: bool = False) -> Path:
    """Write a video whose frames lie as the camera was held, with a display matrix that sets them upright."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(degrees, hflip=flip)
        image = np.zeros((48, 64, 3), np.uint8)
        image[:24, :32], image[24:, 32:] = (255, 0, 0), (0, 255, 0)  # looks different in every orientation
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def _with_all_tracks(folder: Path) -> Path:
    (folder / "s.srt").write_text("1\n00:00:00,200 --> 00:00:00,700\nBonjour\n")
    (folder / "m.txt").write_text(
        ";FFMETADATA1\ntitle=The Film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=Two\n"
    )
    inputs = (*VIDEO_INPUT, *AUDIO_INPUT, "-i", folder / "s.srt", "-i", folder / "m.txt")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-map", "2:s", "-map_metadata", "3")
    tags = ("-metadata:s:a:0", "language=fra", "-metadata:s:a:1", "language=deu")
    return make_media(folder / "in.mkv", *inputs, *maps, *tags, *H264, *AAC, "-c:s", "srt")


def _with_cover_first(folder: Path) -> Path:
    cover = make_media(folder / "cover.png", "-f", "lavfi", "-i", "color=red:s=400x400", "-frames:v", "1")
    plain = make_media(folder / "plain.mp4")
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", "-disposition:v:1", "default")
    return make_media(folder / "in.mp4", "-i", cover, "-i", plain, *maps)


def _cut_short(folder: Path) -> Path:
    whole = make_media(folder / "whole.mp4", *LONG, *H264, "-movflags", "faststart").read_bytes()
    (folder / "in.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    return folder / "in.mp4"


def _with_flipped_bits(folder: Path) -> Path:
    data = bytearray(make_media(folder / "whole.mkv", *LONG, *H264, "-g", "5").read_bytes())
    rng = np.random.default_rng(3)
    for offset in rng.integers(len(data) // 4, len(data), 12):
        data[offset] ^= 1 << int(rng.integers(8))
    (folder / "in.mkv").write_bytes(data)
    return folder / "in.mkv"


def _joined(suffix: str, *clocks: int) -> Callable[[Path], Path]:
    """Return what joins recordings as `cat` does; the clock of each begins at that second."""

    def make(folder: Path) -> Path:
        parts = [
            make_media(folder / f"{n}.{suffix}", *VIDEO_INPUT, *AUDIO_INPUT, *H264_AAC, "-output_ts_offset", str(clock))
            for n, clock in enumerate(clocks)
        ]
        (folder / f"in.{suffix}").write_bytes(b"".join(part.read_bytes() for part in parts))
        return folder / f"in.{suffix}"

    return make


def _nonsense(folder: Path) -> Path:
    (folder / "in.mp4").write_bytes(b"nonsense" * 99)
    return folder / "in.mp4"


MP4_MKV = ("mp4", "mkv")
_TRANSPARENT = ("-vf", "format=rgba,colorchannelmixer=aa=0.5", "-c:v", "png")
_CAMERA = ("-metadata", "make=Canon", "-metadata", "model=R5")
_ODD_SIZE = ("-f", "lavfi", "-i", "testsrc=s=63x47:r=10:d=1", "-pix_fmt", "yuv444p", "-c:v", "libx264")
_FULL_RANGE = ("-vf", "scale=out_range=pc", *H264, "-color_range", "pc")
_AUDIO_FIRST = ("-map", "1", "-map", "0", *H264, "-bf", "2", *AAC)
_HDR = ("-pix_fmt", "yuv420p10le", "-color_trc", "smpte2084", "-color_primaries", "bt2020", "-colorspace", "bt2020nc")
_TWO_VIDEO_TRACKS = ("-f", "lavfi", "-i", "testsrc=s=32x32:r=10:d=1", *VIDEO_INPUT, "-map", "0", "-map", "1", *H264)

AWKWARD_VIDEOS = (
    AwkwardVideo("B-frames", _maker("mp4", *VIDEO_INPUT, *H264, "-bf", "2"), ("mp4", "mov", "mkv", "webm")),
    AwkwardVideo("variable frame rate", _maker("mp4", *VIDEO_INPUT, *VFR, *H264, "-bf", "2"), ("mp4", "mkv", "webm")),
    AwkwardVideo("23.976 frames a second", _maker("mkv", *VIDEO_INPUT[:3], "testsrc=s=64x48:r=24000/1001:d=1", *H264)),
    AwkwardVideo("turned by 90 degrees", lambda folder: make_rotated(folder / "in.mp4", 90), MP4_MKV),
    AwkwardVideo("turned by 180 degrees", lambda folder: make_rotated(folder / "in.mp4", 180)),
    AwkwardVideo("turned by -90 degrees and mirrored", lambda folder: make_rotated(folder / "in.mp4", -90, flip=True)),
    AwkwardVideo("odd size, 63 x 47", _maker("mkv", *_ODD_SIZE), ("mp4", "webm")),
    AwkwardVideo("pixels of 4:3", _maker("mp4", *VIDEO_INPUT, *ANAMORPHIC, *H264), ("mp4", "mkv", "webm")),
    AwkwardVideo("full range of levels", _maker("mp4", *VIDEO_INPUT, *_FULL_RANGE)),
    AwkwardVideo("10 bits a colour", _maker("mkv", *VIDEO_INPUT, "-c:v", "libx264", "-pix_fmt", "yuv420p10le")),
    AwkwardVideo("HDR (PQ)", _maker("mkv", *VIDEO_INPUT, "-c:v", "libx264", *_HDR)),
    AwkwardVideo("interlaced", _maker("mp4", *VIDEO_INPUT, "-vf", "interlace", *H264, "-flags", "+ildct+ilme")),
    AwkwardVideo("AVI with B-frames", _maker("avi", *VIDEO_INPUT, *MPEG4, "-bf", "2")),
    AwkwardVideo("transport stream, starts at 1.4 s", _maker("ts", *VIDEO_INPUT, *AUDIO_INPUT, *H264_AAC)),
    AwkwardVideo("two recordings joined, the clock goes back", _joined("ts", 20, 10), MP4_MKV, clock_jumps=True),
    AwkwardVideo("two recordings joined, the clock jumps by an hour", _joined("ts", 0, 3600), clock_jumps=True),
    AwkwardVideo("two MP4 files joined", _joined("mp4", 0, 0)),
    AwkwardVideo("480 frames a second", _maker("mp4", *VIDEO_INPUT[:3], "testsrc=s=64x48:r=480:d=0.1", *H264)),
    AwkwardVideo("WMV, whose sound names no speakers", _maker("wmv", *VIDEO_INPUT, *AUDIO_INPUT, "-ac", "2"), MP4_MKV),
    AwkwardVideo("AVI with ADPCM sound", _maker("avi", *VIDEO_INPUT, *AUDIO_INPUT, *MPEG4, "-c:a", "adpcm_ms")),
    AwkwardVideo("GIF", _maker("gif", *VIDEO_INPUT)),
    AwkwardVideo("sound, in AAC", _maker("mp4", *VIDEO_INPUT, *AUDIO_INPUT, *H264_AAC), ("mp4", "mkv", "webm")),
    AwkwardVideo("sound's track first", _maker("mkv", *VIDEO_INPUT, *AUDIO_INPUT, *_AUDIO_FIRST)),
    AwkwardVideo("picture 0.3 s after the sound", _maker("mp4", *LATE, *VIDEO_INPUT, *AUDIO_INPUT, *H264_AAC), MP4_MKV),
    AwkwardVideo("sound 0.3 s after the picture", _maker("mp4", *VIDEO_INPUT, *LATE, *AUDIO_INPUT, *H264_AAC), MP4_MKV),
    AwkwardVideo("two languages, subtitles, chapters", _with_all_tracks, ("mkv", "mp4", "webm")),
    AwkwardVideo("cover art before the film", _with_cover_first, MP4_MKV, video_stream="V:0"),
    AwkwardVideo("two pictures' tracks", _maker("mkv", *_TWO_VIDEO_TRACKS), video_stream="v:1"),
    AwkwardVideo("cut short", _cut_short, video_stream="v:0"),
    AwkwardVideo("bits flipped on the disk", _with_flipped_bits),
    AwkwardVideo("transparency", _maker("mov", *VIDEO_INPUT, *_TRANSPARENT), ("mov", "mp4")),
    AwkwardVideo("time code track", _maker("mov", *VIDEO_INPUT, *H264, "-timecode", "01:00:00:00"), MP4_MKV),
    AwkwardVideo("make and model of the camera", _maker("mkv", *VIDEO_INPUT, *H264, *_CAMERA), ("mp4", "mov")),
    AwkwardVideo("sound alone", _maker("mp4", *AUDIO_INPUT, *AAC)),
    AwkwardVideo("nonsense", _nonsense),
)  # fmt: skip
