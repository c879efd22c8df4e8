"""Which encoder writes what, into which kind of file, with which options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from realtime.errors import OutputError, UsageError

# By extension: FFmpeg's name of the container, and the codecs it takes, the usual one first.
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".m4v": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".mov": ("mov", ("h264", "hevc")),
    ".mkv": ("matroska", ("h264", "hevc", "av1", "vp9")),
    ".webm": ("webm", ("vp9", "av1")),
}
_ENCODERS = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9"}
_CRF = {"h264": 18, "hevc": 20, "av1": 26, "vp9": 26}  # about the same to the eye
_CRF_LIMIT = {"h264": 51, "hevc": 51, "av1": 63, "vp9": 63}
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_SVT = dict(zip(PRESETS, (12, 11, 10, 10, 9, 8, 6, 5, 3), strict=True))
_VPX = dict(zip(PRESETS, (8, 7, 6, 5, 4, 3, 2, 1, 0), strict=True))  # cpu-used


@dataclass(frozen=True)
class Encoding:
    """How to write a film: container and encoder as FFmpeg calls them, and the encoder's options."""

    container: str
    codec: str
    encoder: str
    options: dict[str, str]

    @property
    def fragmented(self) -> bool:
        """MP4 and its kin: the index comes last, unless it is written in pieces."""
        return self.container in ("mp4", "mov")


def choose_encoding(path: Path, codec: str | None = None, crf: int | None = None, preset: str = "medium") -> Encoding:
    """What fits a file of that name. Raises UsageError, or OutputError where this FFmpeg lacks the encoder."""
    if path.suffix.lower() not in CONTAINERS:
        raise UsageError(f"{path}: films are written as {', '.join(CONTAINERS)}")
    import av  # here: the command's own start waits for nothing

    container, codecs = CONTAINERS[path.suffix.lower()]
    codec = codec or codecs[0]
    if codec not in codecs:
        raise UsageError(f"--codec {codec}: {path.suffix} takes {', '.join(codecs)}")
    crf = _CRF[codec] if crf is None else crf
    if not 0 <= crf <= _CRF_LIMIT[codec]:
        raise UsageError(f"--crf {crf}: for {codec} from 0 (best) to {_CRF_LIMIT[codec]}")
    encoder = _ENCODERS[codec]
    if encoder not in av.codecs_available:
        raise OutputError(f"--codec {codec}: the installed FFmpeg is built without {encoder}")
    options = {"crf": str(crf)}
    if codec == "av1":
        options["preset"] = str(_SVT[preset])
    elif codec == "vp9":
        options |= {"deadline": "good", "cpu-used": str(_VPX[preset]), "row-mt": "1"}
    else:
        options["preset"] = preset
    if codec == "hevc":
        options["x265-params"] = "log-level=none"
    return Encoding(container, codec, encoder, options)


def pixel_format(codec: str, size: tuple[int, int]) -> str:
    """4:2:0, which everything plays, or 4:4:4 where an odd size forces it: H.264 and HEVC halve the colours."""
    odd = size[0] % 2 or size[1] % 2
    return "yuv444p" if odd and codec in ("h264", "hevc") else "yuv420p"
