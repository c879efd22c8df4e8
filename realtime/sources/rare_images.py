"""Images of the types that OpenCV cannot decode: FFmpeg does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from realtime.sources.limits import DECODER_LIMIT

_ALPHA_FORMATS = ("pal8", "ya8", "ya16")


def decode_rare_image(path: Path, data: bytes) -> NDArray[Any] | None:
    """Decode the content of an image file: [H, W, 3 or 4], BGR, uint8, uint16 or float32. None if FFmpeg cannot."""
    # Of a type that has no mark at its beginning, such as Targa, FFmpeg goes by the name.
    attempts: tuple[tuple[Any, str | None], ...] = ((io.BytesIO(data), None), (str(path.absolute()), "image2"))
    for file, format in attempts:
        try:
            with av.open(file, format=format, options=DECODER_LIMIT | {"pattern_type": "none"}) as container:
                container.streams.video[0].codec_context.options = DECODER_LIMIT
                return _to_array(next(container.decode(video=0)))
        except (av.error.FFmpegError, OSError, ValueError, IndexError, StopIteration):
            continue
    return None


def _to_array(frame: VideoFrame) -> NDArray[Any]:
    """Return a frame as [H, W, 3 or 4], BGR."""
    components = frame.format.components
    has_alpha = len(components) == 4 or frame.format.name.startswith(_ALPHA_FORMATS)
    if "f32" in frame.format.name or "f16" in frame.format.name:
        planes = frame.reformat(format="gbrapf32le" if has_alpha else "gbrpf32le").to_ndarray()
        return np.ascontiguousarray(planes[:, :, [2, 1, 0, 3][: planes.shape[2]]])
    if max((component.bits for component in components), default=8) > 8:
        planes = frame.reformat(format="rgba64le" if has_alpha else "rgb48le").to_ndarray()
        return np.ascontiguousarray(planes[:, :, [2, 1, 0, 3][: planes.shape[2]]])
    return frame.reformat(format="bgra" if has_alpha else "bgr24", dst_color_range=2).to_ndarray()
