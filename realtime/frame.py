"""Frames and images as sources pass them to outputs, and the properties of videos."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.packet import Packet

Image = NDArray[np.uint8]  # [H, W, 3], BGR as in OpenCV


@dataclass(frozen=True)
class Frame:
    """A live picture and its times.

    Args:
        image: [H, W, 3] uint8 BGR.
        pts: presentation time in seconds from the source's start; of several files, from the start of the current file.
        captured: `time.perf_counter()` when the picture reached this program.

    Example:
        >>> frame = Frame(np.zeros((480, 640, 3), np.uint8), pts=0.0, captured=time.perf_counter())
    """

    image: Image
    pts: float
    captured: float


@dataclass(frozen=True)
class VideoFrame:
    """A picture of a video file.

    Args:
        image: [H, W, 3] uint8 BGR, upright.
        pts: presentation time from the video's start, in units of its time base.
        duration: how long it is shown, in the same units.
        alpha: [H, W] uint8, its transparency, or None where the video has none.
    """

    image: Image
    pts: int
    duration: int
    alpha: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Colour:
    """The colour description of a video, in FFmpeg's numbers (ISO/IEC 23091-2); 2 is "unspecified".

    Args:
        range: 0 unspecified, 1 limited (16 to 235), 2 full (0 to 255).
        primaries, transfer, matrix: the colour primaries, the transfer function and the YUV matrix.
    """

    range: int = 0
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2

    def swscale_matrix(self, height: int) -> int:
        """Return swscale's number of the matrix. Where it is unspecified players choose by the height, as here."""
        return _SWSCALE_MATRICES.get(self.matrix, 1 if height >= 720 else 5)

    @property
    def is_full_range(self) -> bool:
        """Whether all levels are used, 0 to 255."""
        return self.range == 2


# swscale's flags for BGR to YUV: AREA, FULL_CHR_H_INP, ACCURATE_RND. The way to BGR and back then costs 0.3 levels of
# brightness and 0.04 of colour; with PyAV's defaults it costs 1.0 and 0.6, a visible tint. For YUV to BGR the default
# is best: exact flags would shift the chroma to where H.264 locates it, which is not undone on the way back.
TO_YUV_FLAGS = 0x20 | 0x4000 | 0x40000
_SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}


@dataclass(frozen=True)
class VideoFormat:
    """The properties of a video that its stylized copy keeps.

    Args:
        size: (width, height), upright.
        time_base: seconds per unit of a `pts`.
        rate: nominal frames a second.
        variable_rate: whether the intervals between frames differ.
        sample_aspect_ratio: width over height of a pixel.
        colour: its colour description.
        high_bit_depth: whether it has more than 8 bits a colour.
        alpha: whether its frames have an alpha channel.
    """

    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    variable_rate: bool = False
    sample_aspect_ratio: Fraction = Fraction(1)
    colour: Colour = Colour()
    high_bit_depth: bool = False
    alpha: bool = False


@dataclass
class VideoStep:
    """A step of reading or writing a video: packets of the other tracks, then a frame of the video track or None."""

    packets: list[Packet[Any]] = field(default_factory=list)
    frame: VideoFrame | None = None


@dataclass
class ImageMetadata:
    """What an image file holds beside its picture.

    Args:
        exif, xmp, icc: as they are in the file, but for what is untrue of the upright, stylized picture.
        resolution: dots per inch, (x, y), or None if the file does not say.
        png_chunks, jpeg_segments, tiff_tags: what an output of the same type takes as it is; the last by tag,
            (type, content).
        pictures: how many the file holds; only the first is stylized.
        kinds: all that was found, as the user calls it, by a name that is the same for input and output.
    """

    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""
    resolution: tuple[float, float] | None = None
    png_chunks: bytes = b""
    jpeg_segments: bytes = b""
    tiff_tags: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    pictures: int = 1
    kinds: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, words: str = "") -> None:
        """Note that the file holds something of a kind. words: how the user calls it, if not by the kind's name."""
        self.kinds.setdefault(kind, words or kind)

    def missing_in(self, output: ImageMetadata) -> list[str]:
        """Return what the output lacks, for the user."""
        return [words for kind, words in self.kinds.items() if kind not in output.kinds]


@dataclass(frozen=True)
class StillImage:
    """A picture of an image file.

    Args:
        image: [H, W, 3] uint8 BGR.
        alpha: [H, W] uint8 or uint16, or None if the picture is opaque.
        high_bit_depth: whether the file has 16 bits a channel.
        metadata: what the file holds beside the picture.
        notes: what the user should know about the decoding.
    """

    image: Image
    alpha: NDArray[Any] | None = None
    high_bit_depth: bool = False
    metadata: ImageMetadata = field(default_factory=ImageMetadata)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Animation:
    """The pictures of an animated image file, all of one size.

    Args:
        pictures: in order.
        durations: how long each is shown, in ms.
        loops: how often they are all shown; 0 is for ever.
        losses: what a damaged file lacks, for the user.
        metadata: what the file holds beside the pictures.
    """

    pictures: list[StillImage]
    durations: list[int]
    loops: int
    losses: list[str]
    metadata: ImageMetadata = field(default_factory=ImageMetadata)

    @property
    def times(self) -> list[float]:
        """When each picture is shown, in seconds from the start."""
        return [sum(self.durations[:number]) / 1000 for number in range(len(self.durations))]
