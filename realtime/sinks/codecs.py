"""Which encoder writes what, into which kind of file, with which options."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import OutputError, UsageError
from realtime.system.thread_priority import restore_thread_priority

if TYPE_CHECKING:
    from av.codec.hwaccel import HWAccel

# By extension: FFmpeg's name of the container, and the codecs it takes, the usual one first.
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".m4v": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".mov": ("mov", ("h264", "hevc", "prores")),
    ".mkv": ("matroska", ("h264", "hevc", "av1", "vp9", "prores", "ffv1")),
    ".webm": ("webm", ("vp9", "av1")),
}
LARGE = 4 << 20  # pixels: from there on the forty pictures that x264 looks ahead fill a gigabyte
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
PRESET = "veryfast"  # two thirds of the time that x264's faster takes from the network, for 0.3 dB at its size


@dataclass(frozen=True)
class Encoder:
    """One of FFmpeg's encoders, and how what users say is said to it.

    crf: the option that --crf sets, "" where there is none; then its default, smallest and largest. preset: the option
    that --preset sets; presets: what it calls each of PRESETS. options: always set. pixels, odd: the pixel formats
    for even and odd sizes, odd None where it cannot. large: options for pictures of more than LARGE pixels. device: the
    kind of device whose memory pictures are brought to first, "" where the encoder does that itself. deep: it takes
    those formats with 10 bits a colour too, and what it writes then plays where its 8 bits do.
    """

    name: str
    codec: str
    crf: str = ""
    usual: int = 0
    range: tuple[int, int] = (0, 51)
    preset: str = ""
    presets: tuple[str | int, ...] = PRESETS
    options: dict[str, str] = field(default_factory=dict)
    pixels: str = "yuv420p"
    odd: str | None = "yuv420p"
    large: dict[str, str] = field(default_factory=dict)
    hardware: bool = False
    device: str = ""
    deep: bool = False

    def accel(self) -> HWAccel | None:
        """The device to be opened with it. Raises what FFmpeg raises where there is none."""
        from av.codec.hwaccel import HWAccel  # here: the command's own start waits for nothing

        return HWAccel(self.device) if self.device else None


def _nvenc(codec: str, usual: int, odd: str | None) -> Encoder:
    presets = ("p1", "p1", "p2", "p2", "p3", "p4", "p5", "p6", "p7")
    options = {"rc": "vbr", "b": "0"}  # the rate that cq needs; a cq of 0 would leave the choice to the driver
    return Encoder(f"{codec}_nvenc", codec, "cq", usual, (1, 51), "preset", presets, options, odd=odd, hardware=True)


def _qsv(codec: str, usual: int) -> Encoder:
    presets = ("veryfast", *PRESETS[2:3], *PRESETS[2:])
    return Encoder(
        f"{codec}_qsv", codec, "global_quality", usual, (1, 51), "preset", presets,
        pixels="nv12", odd=None, hardware=True,
    )  # fmt: skip


def _amf(codec: str, usual: int, largest: int = 51) -> Encoder:
    presets = ("speed",) * 5 + ("balanced",) + ("quality",) * 3
    return Encoder(
        f"{codec}_amf", codec, "qp_i,qp_p", usual, (0, largest), "quality", presets, {"rc": "cqp"},
        pixels="nv12", odd=None, hardware=True,
    )  # fmt: skip


def _vaapi(codec: str, usual: int, largest: int = 51) -> Encoder:
    return Encoder(
        f"{codec}_vaapi", codec, "global_quality", usual, (1, largest), options={"rc_mode": "CQP"},
        pixels="nv12", odd=None, hardware=True, device="vaapi",
    )  # fmt: skip


def _videotoolbox(codec: str) -> Encoder:
    # Its quality runs the other way, from 1 to 100, and is counted in units of 118 (FF_QP2LAMBDA).
    options = {"flags": "+qscale", "global_quality": str(118 * 65)}
    return Encoder(f"{codec}_videotoolbox", codec, options=options, pixels="nv12", odd=None, hardware=True)


# By what --codec takes. The defaults of one quality look about the same.
ENCODERS = {
    "h264": Encoder(
        "libx264", "h264", "crf", 18, preset="preset", odd="yuv444p", large={"rc-lookahead": "10"}
    ),
    "hevc": Encoder(
        "libx265", "hevc", "crf", 20, preset="preset", odd="yuv444p", options={"x265-params": "log-level=none"},
        large={"x265-params": "log-level=none:rc-lookahead=10"}, deep=True,
    ),
    "av1": Encoder("libsvtav1", "av1", "crf", 26, (0, 63), "preset", (12, 11, 10, 10, 9, 8, 6, 5, 3), deep=True),
    "vp9": Encoder(
        "libvpx-vp9", "vp9", "crf", 26, (0, 63), "cpu-used", (8, 7, 6, 5, 4, 3, 2, 1, 0),
        {"deadline": "good", "row-mt": "1"},
    ),
    "prores": Encoder("prores_ks", "prores", pixels="yuv422p10le", odd="yuv444p10le"),  # 422 HQ, 4444
    # As RGB: what is painted is kept to the last bit.
    "ffv1": Encoder(
        "ffv1", "ffv1", options={"level": "3", "slices": "16", "slicecrc": "1"}, pixels="bgr0", odd="bgr0"
    ),
} | {
    encoder.name: encoder
    for encoder in (
        _nvenc("h264", 19, "yuv444p"), _nvenc("hevc", 22, "yuv444p"), _nvenc("av1", 30, None),
        _qsv("h264", 19), _qsv("hevc", 22), _qsv("av1", 24), _qsv("vp9", 24),
        _amf("h264", 20), _amf("hevc", 22), _amf("av1", 90, 255),
        _vaapi("h264", 20), _vaapi("hevc", 22), _vaapi("av1", 90, 255), _vaapi("vp9", 90, 255),
        _videotoolbox("h264"), _videotoolbox("hevc"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Encoding:
    """How to write a film: container and encoder as FFmpeg calls them, and the encoder's options."""

    container: str
    encoder: Encoder
    options: dict[str, str]

    @property
    def codec(self) -> str:
        """What comes out: h264, hevc, ..."""
        return self.encoder.codec

    @property
    def fragmented(self) -> bool:
        """MP4 and its kin: the index comes last, unless it is written in pieces."""
        return self.container in ("mp4", "mov")

    def options_for(self, size: tuple[int, int]) -> dict[str, str]:
        """The encoder's options for pictures of that size."""
        return self.options | (self.encoder.large if size[0] * size[1] > LARGE else {})

    def pixel_format(self, size: tuple[int, int], deep: bool = False) -> str:
        """4:2:0, which everything plays, or what an odd size forces: H.264 and HEVC halve the colours there.

        deep: with 10 bits a colour, if it can.
        """
        bits = "10le" if deep and self.encoder.deep else ""
        if size[0] % 2 == size[1] % 2 == 0:
            return self.encoder.pixels + bits
        if self.encoder.odd is None:
            raise OutputError(f"{self.encoder.name} cannot write the odd size {size[0]} x {size[1]}; --codec h264 can")
        return self.encoder.odd + bits


def choose_encoding(path: Path, codec: str | None = None, crf: int | None = None, preset: str = PRESET) -> Encoding:
    """What fits a file of that name. Raises UsageError, or OutputError where the encoder cannot be had here."""
    if path.suffix.lower() not in CONTAINERS:
        raise UsageError(f"{path}: films are written as {', '.join(CONTAINERS)}")
    container, codecs = CONTAINERS[path.suffix.lower()]
    encoder = ENCODERS[codec or codecs[0]]
    if encoder.codec not in codecs:
        others = [ending for ending, (_, taken) in CONTAINERS.items() if encoder.codec in taken]
        raise UsageError(
            f"--codec {codec}: {path.suffix} takes {', '.join(codecs)}; {encoder.codec} goes into {', '.join(others)}"
        )
    if crf is not None and not encoder.crf:
        raise UsageError(f"--crf {crf}: {codec} has one quality only")
    crf = encoder.usual if crf is None else crf
    least, most = encoder.range
    if encoder.crf and not least <= crf <= most:
        raise UsageError(f"--crf {crf}: for {codec or codecs[0]} from {least} (best) to {most}")
    options = dict(encoder.options)
    options |= {option: str(crf) for option in encoder.crf.split(",") if option}
    if encoder.preset:
        options[encoder.preset] = str(encoder.presets[PRESETS.index(preset)])
    encoding = Encoding(container, encoder, options)
    problem = find_problem(encoding)
    if problem:
        raise OutputError(f"--codec {codec or codecs[0]}: {problem}")
    return encoding


def find_problem(encoding: Encoding, *, software: bool = False) -> str | None:
    """What keeps an encoder from working here; hardware is asked to encode a picture, software only on demand."""
    os.environ.setdefault("SVT_LOG", "1")  # AV1: errors only
    import av  # here: the command's own start waits for nothing

    encoder = encoding.encoder
    if encoder.name not in av.codecs_available:
        return f"the installed FFmpeg is built without {encoder.name}"
    if not encoder.hardware and not software:
        return None
    try:
        context = av.CodecContext.create(encoder.name, "w", encoder.accel())
    except (av.error.FFmpegError, ValueError, NotImplementedError) as error:
        return f"{encoder.name} cannot encode here: {_reason(error)}"
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt, context.framerate = 256, 256, encoder.pixels, Fraction(25)
    context.time_base, context.options = 1 / context.framerate, encoding.options
    try:
        with restore_thread_priority():
            packets = context.encode(av.VideoFrame(256, 256, encoder.pixels)) + context.encode(None)
    except (av.error.FFmpegError, ValueError) as error:
        return f"{encoder.name} cannot encode here: {_reason(error)}"
    return None if packets else f"{encoder.name} gave nothing for a picture"


def _reason(error: Exception) -> str:
    return f"no such hardware, or no driver ({getattr(error, 'strerror', None) or error})"
