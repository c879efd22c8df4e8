"""Opening video files and the decoders of their frames, within the limit on pixels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import av
import av.logging
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from realtime.errors import SourceError
from realtime.sources.file_types import require_file
from realtime.sources.limits import VIDEO_DECODER_LIMIT

_SIZE_BEYOND_LIMIT = re.compile(r"Picture size (\d+)x(\d+) exceeds")  # a message of FFmpeg
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # by codec


def open_video(path: Path) -> InputContainer:
    """Open a video file. Raises SourceError."""
    require_file(path)
    try:
        return av.open(str(path.absolute()), metadata_errors="replace", options=VIDEO_DECODER_LIMIT)
    except (av.error.InvalidDataError, av.error.EOFError):
        raise SourceError(f"{path} is not a film, or its beginning or index is missing") from None
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error


def alpha_decoder(stream: VideoStream) -> VideoCodecContext | None:
    """Return a decoder for VP8 or VP9 with an alpha channel, which FFmpeg's own ones ignore; None for other videos."""
    name = _ALPHA_DECODERS.get(stream.codec_context.name)
    has_alpha = any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())
    if name is None or not has_alpha or name not in av.codecs_available:
        return None
    decoder = VideoCodecContext.create(name, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = stream.codec_context.extradata
    decoder.options = VIDEO_DECODER_LIMIT
    return decoder


def area(stream: VideoStream) -> int:
    """Return the pixels of a frame; 0 if the stream cannot be decoded."""
    return (stream.width or 0) * (stream.height or 0) if cast("Any", stream.codec_context) is not None else 0


def size_beyond_limit(path: Path) -> str:
    """Return the size of frames that FFmpeg refuses because of the limit, as in "16400 x 8400"; empty if it does not.

    FFmpeg sets such a size to 0 x 0, and says the true one in its log only.
    """
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(local=False) as lines:
            open_video(path).close()
    finally:
        av.logging.set_level(level)
    for _, _, line in lines:
        if found := _SIZE_BEYOND_LIMIT.search(line):
            return f"{found[1]} x {found[2]}"
    return ""
