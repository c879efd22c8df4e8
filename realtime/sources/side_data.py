"""What the pictures of a film carry beside their pixels, such as captions and the projection of 360° films."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_NAMES = {
    "A53_CC": "closed captions",
    "STEREO3D": "stereo layout",
    "SPHERICAL": "360° projection",
    "ICC_PROFILE": "colour profile",
    "AFD": "active format",
    "PANSCAN": "pan and scan",
    "GOP_TIMECODE": "time code of the pictures",
    "S12M_TIMECODE": "time code of the pictures",
    "DOVI_METADATA": "Dolby Vision",
    "DYNAMIC_HDR_PLUS": "HDR10+",
}
# The head of a NAL unit with supplemental information, of which the first piece is on the alpha channel (ITU-T H.265).
_HEVC_ALPHA_INFORMATION = b"\x4e\x01\xa5"


def side_data_names(frame: VideoFrame) -> set[str]:
    """Return what a frame carries, as the user calls it; what is applied or of no use later is left out."""
    found = cast("Any", frame.side_data)  # its type stubs are wrong
    return {_NAMES[data.type.name] for data in found if data.type.name in _NAMES}


def first_side_data(path: Path) -> set[str]:
    """Return what the first frame of a video file carries."""
    with av.open(str(path)) as container:
        return next((side_data_names(frame) for frame in container.decode(video=0)), set())


def has_hevc_alpha(stream: VideoStream) -> bool:
    """Return whether a stream is HEVC with a layer of transparency, as Apple writes it; FFmpeg passes over it."""
    context = stream.codec_context
    return context.name == "hevc" and _HEVC_ALPHA_INFORMATION in (context.extradata or b"")
