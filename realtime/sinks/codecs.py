"""Containers, encoders and their options: what `-o`, --codec, --crf and --preset mean to FFmpeg."""

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

# By file suffix: FFmpeg's name of the container, and the codecs it takes, the default first.
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".m4v": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".mov": ("mov", ("h264", "hevc", "prores", "png")),
    ".mkv": ("matroska", ("h264", "hevc", "av1", "vp9", "prores", "ffv1")),
    ".webm": ("webm", ("vp9", "av1")),
}
LARGE_PIXELS = 4 << 20  # x264 looks 40 frames ahead; larger frames fill a gigabyte
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
# Takes two thirds of the CPU time that x264's "faster" takes from the network, for 0.3 dB at the same file size.
DEFAULT_PRESET = "veryfast"


@dataclass(frozen=True)
class Encoder:
    """One of FFmpeg's encoders, and how --crf and --preset are passed to it.

    name, codec: FFmpeg's names. crf_option: what --crf sets, "" if there is none; then its default and its range.
    preset_option: what --preset sets, to one of `presets`, which correspond to PRESETS. options: always set.
    pixel_format, odd_pixel_format: for even and odd sizes, the latter None if the encoder takes no odd size.
    alpha_pixel_format: for videos with an alpha channel, None if the encoder keeps none.
    large_options: set for frames of more than LARGE_PIXELS. hardware: whether it needs a GPU. device: type of the
    hardware device to whose memory frames are uploaded first, "" if the encoder does that itself. ten_bit: whether it
    also takes pixel formats with 10 bits a colour, in videos that play wherever its 8-bit videos do. max_rate: frames
    a second that it takes at most, 0 for any; frames keep their times, so a lower nominal rate loses nothing.
    """

    name: str
    codec: str
    crf_option: str = ""
    default_crf: int = 0
    crf_range: tuple[int, int] = (0, 51)
    preset_option: str = ""
    presets: tuple[str | int, ...] = PRESETS
    options: dict[str, str] = field(default_factory=dict)
    pixel_format: str = "yuv420p"
    odd_pixel_format: str | None = "yuv420p"
    alpha_pixel_format: str | None = None
    large_options: dict[str, str] = field(default_factory=dict)
    hardware: bool = False
    device: str = ""
    ten_bit: bool = False
    max_rate: int = 0

    def nominal_rate(self, rate: Fraction) -> Fraction:
        """Return the rate to open the encoder with for a video of `rate` frames a second."""
        return min(rate, Fraction(self.max_rate)) if self.max_rate else rate

    def accel(self) -> HWAccel | None:
        """Return the device to open the encoder with. Raises what FFmpeg raises if there is none."""
        from av.codec.hwaccel import HWAccel  # imported here so that the command starts sooner

        return HWAccel(self.device) if self.device else None


def _nvenc(codec: str, default_crf: int, odd_pixel_format: str | None) -> Encoder:
    presets = ("p1", "p1", "p2", "p2", "p3", "p4", "p5", "p6", "p7")
    options = {"rc": "vbr", "b": "0"}  # a bit rate of 0 makes cq count; a cq of 0 would leave the quality to the driver
    return Encoder(
        f"{codec}_nvenc", codec, "cq", default_crf, (1, 51), "preset", presets, options,
        odd_pixel_format=odd_pixel_format, hardware=True,
    )  # fmt: skip


def _qsv(codec: str, default_crf: int) -> Encoder:
    presets = ("veryfast", *PRESETS[2:3], *PRESETS[2:])
    return Encoder(
        f"{codec}_qsv", codec, "global_quality", default_crf, (1, 51), "preset", presets,
        pixel_format="nv12", odd_pixel_format=None, hardware=True,
    )  # fmt: skip


def _amf(codec: str, default_crf: int, max_crf: int = 51) -> Encoder:
    presets = ("speed",) * 5 + ("balanced",) + ("quality",) * 3
    return Encoder(
        f"{codec}_amf", codec, "qp_i,qp_p", default_crf, (0, max_crf), "quality", presets, {"rc": "cqp"},
        pixel_format="nv12", odd_pixel_format=None, hardware=True,
    )  # fmt: skip


def _vaapi(codec: str, default_crf: int, max_crf: int = 51) -> Encoder:
    return Encoder(
        f"{codec}_vaapi", codec, "global_quality", default_crf, (1, max_crf), options={"rc_mode": "CQP"},
        pixel_format="nv12", odd_pixel_format=None, hardware=True, device="vaapi",
    )  # fmt: skip


def _videotoolbox(codec: str) -> Encoder:
    # Its quality goes from 1 to 100, the best, in units of 118 (FF_QP2LAMBDA).
    options = {"flags": "+qscale", "global_quality": str(118 * 65)}
    return Encoder(
        f"{codec}_videotoolbox", codec, options=options, pixel_format="nv12", odd_pixel_format=None, hardware=True
    )


# By the names that --codec takes. The default qualities look about the same.
ENCODERS = {
    "h264": Encoder(
        "libx264", "h264", "crf", 18, preset_option="preset", odd_pixel_format="yuv444p",
        large_options={"rc-lookahead": "10"},
    ),
    "hevc": Encoder(
        "libx265", "hevc", "crf", 20, preset_option="preset", odd_pixel_format="yuv444p",
        options={"x265-params": "log-level=none"},
        large_options={"x265-params": "log-level=none:rc-lookahead=10"}, ten_bit=True,
    ),
    "av1": Encoder(
        "libsvtav1", "av1", "crf", 26, (0, 63), "preset", (12, 11, 10, 10, 9, 8, 6, 5, 3), ten_bit=True, max_rate=240,
    ),
    "vp9": Encoder(
        "libvpx-vp9", "vp9", "crf", 26, (0, 63), "cpu-used", (8, 7, 6, 5, 4, 3, 2, 1, 0),
        {"deadline": "good", "row-mt": "1"}, alpha_pixel_format="yuva420p",
    ),
    # ProRes 422 HQ and 4444.
    "prores": Encoder(
        "prores_ks", "prores", pixel_format="yuv422p10le", odd_pixel_format="yuv444p10le",
        alpha_pixel_format="yuva444p10le",
    ),
    # As RGB: stylized frames are stored without any loss.
    "ffv1": Encoder(
        "ffv1", "ffv1", options={"level": "3", "slices": "16", "slicecrc": "1"},
        pixel_format="bgr0", odd_pixel_format="bgr0", alpha_pixel_format="bgra",
    ),
    "png": Encoder("png", "png", pixel_format="rgb24", odd_pixel_format="rgb24", alpha_pixel_format="rgba"),
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
    """How to write a video: FFmpeg's container, the encoder and its options."""

    container: str
    encoder: Encoder
    options: dict[str, str]

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec: h264, hevc, ..."""
        return self.encoder.codec

    @property
    def fragmented(self) -> bool:
        """Whether the container's index comes last, as in MP4, so that it is written in fragments."""
        return self.container in ("mp4", "mov")

    def options_for(self, size: tuple[int, int]) -> dict[str, str]:
        """Return the encoder's options for frames of that size, (width, height)."""
        return self.options | (self.encoder.large_options if size[0] * size[1] > LARGE_PIXELS else {})

    def pixel_format(self, size: tuple[int, int], ten_bit: bool = False, alpha: bool = False) -> str:
        """Return 4:2:0, which everything plays, or for odd sizes 4:4:4, since H.264 and HEVC halve colour resolution.

        size: (width, height). ten_bit: with 10 bits a colour, if the encoder can. alpha: with an alpha channel, if the
        encoder can. Raises OutputError for an odd size that the encoder does not take.
        """
        if alpha and self.encoder.alpha_pixel_format is not None:
            return self.encoder.alpha_pixel_format
        suffix = "10le" if ten_bit and self.encoder.ten_bit else ""
        if size[0] % 2 == size[1] % 2 == 0:
            return self.encoder.pixel_format + suffix
        if self.encoder.odd_pixel_format is None:
            raise OutputError(f"{self.encoder.name} cannot write the odd size {size[0]} x {size[1]}; --codec h264 can")
        return self.encoder.odd_pixel_format + suffix


def choose_encoding(
    path: Path, codec: str | None = None, crf: int | None = None, preset: str = DEFAULT_PRESET
) -> Encoding:
    """Return the encoding for a file of that name. Raises UsageError, or OutputError if the encoder does not work."""
    if path.suffix.lower() not in CONTAINERS:
        raise UsageError(f"{path}: films are written as {', '.join(CONTAINERS)}")
    container, codecs = CONTAINERS[path.suffix.lower()]
    encoder = ENCODERS[codec or codecs[0]]
    if encoder.codec not in codecs:
        others = [suffix for suffix, (_, taken) in CONTAINERS.items() if encoder.codec in taken]
        raise UsageError(
            f"--codec {codec}: {path.suffix} takes {', '.join(codecs)}; {encoder.codec} goes into {', '.join(others)}"
        )
    if crf is not None and not encoder.crf_option:
        raise UsageError(f"--crf {crf}: {codec} has one quality only")
    crf = encoder.default_crf if crf is None else crf
    lowest, highest = encoder.crf_range
    if encoder.crf_option and not lowest <= crf <= highest:
        raise UsageError(f"--crf {crf}: for {codec or codecs[0]} from {lowest} (best) to {highest}")
    options = dict(encoder.options)
    options |= {option: str(crf) for option in encoder.crf_option.split(",") if option}
    if encoder.preset_option:
        options[encoder.preset_option] = str(encoder.presets[PRESETS.index(preset)])
    encoding = Encoding(container, encoder, options)
    problem = find_problem(encoding)
    if problem:
        raise OutputError(f"--codec {codec or codecs[0]}: {problem}")
    return encoding


def find_problem(encoding: Encoding, *, software: bool = False) -> str | None:
    """Return why an encoder does not work on this machine, or None. Hardware encoders are tried with a frame.

    software: try a software encoder too.
    """
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1: errors only
    import av  # imported here so that the command starts sooner

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
    context.width, context.height, context.pix_fmt, context.framerate = 256, 256, encoder.pixel_format, Fraction(25)
    context.time_base, context.options = 1 / context.framerate, encoding.options
    try:
        with restore_thread_priority():
            packets = context.encode(av.VideoFrame(256, 256, encoder.pixel_format)) + context.encode(None)
    except (av.error.FFmpegError, ValueError) as error:
        return f"{encoder.name} cannot encode here: {_reason(error)}"
    return None if packets else f"{encoder.name} gave nothing for a picture"


def _reason(error: Exception) -> str:
    return f"no such hardware, or no driver ({getattr(error, 'strerror', None) or error})"
