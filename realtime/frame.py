"""What travels down the line."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.packet import Packet

Image = NDArray[np.uint8]  # [H, W, 3], BGR as OpenCV has it


@dataclass(frozen=True)
class Frame:
    """One picture and when it was taken.

    image: [H, W, 3] uint8, BGR.
    pts: presentation time in seconds from the source's start; of several files, from that of its own.
    captured: `time.perf_counter()` when the frame reached this program.
    """

    image: Image
    pts: float
    captured: float


@dataclass(frozen=True)
class VideoFrame:
    """One picture of a film.

    image: [H, W, 3] uint8, BGR, upright.
    pts, duration: in units of the film's time base, pts from the film's start.
    """

    image: Image
    pts: int
    duration: int


@dataclass(frozen=True)
class Colour:
    """How a film's numbers become colours: FFmpeg's numbers for each (ISO/IEC 23091-2); 2 is "not said".

    range: 0 not said, 1 limited (16 to 235), 2 full.
    """

    range: int = 0
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2

    def swscale(self, height: int) -> int:
        """The matrix as swscale counts; where the film does not say, what players take at that height."""
        return _SWSCALE.get(self.matrix, 1 if height >= 720 else 5)

    @property
    def full(self) -> bool:
        """Whether it uses all levels, 0 to 255."""
        return self.range == 2


# swscale's flags for BGR to YUV: AREA, FULL_CHR_H_INP, ACCURATE_RND. To BGR and back then costs 0.3 levels of
# brightness and 0.04 of colour, with PyAV's default 1.0 and 0.6: a tint. To BGR the default is best: exact flags there
# heed where H.264 says its colours sit, which is not undone on the way back.
TO_YUV = 0x20 | 0x4000 | 0x40000
_SWSCALE = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}


@dataclass(frozen=True)
class VideoFormat:
    """What has to come out as it went in.

    size: (width, height), upright. pixel: the shape of one, width over height. rate: nominal frames a second.
    variable: the distances between pictures differ. deep: more than 8 bits a colour.
    """

    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    variable: bool = False
    pixel: Fraction = Fraction(1)
    colour: Colour = Colour()
    deep: bool = False


@dataclass
class Step:
    """What a film gives at a time: the packets of other tracks up to a picture, and the picture."""

    packets: list[Packet[Any]] = field(default_factory=list)
    frame: VideoFrame | None = None


@dataclass(frozen=True)
class StillImage:
    """A picture.

    alpha: [H, W] uint8 or uint16, or None where it hides nothing. exif, icc: as they stood in the file.
    deep: the file has 16 bits a channel.
    """

    image: Image
    alpha: NDArray[Any] | None = None
    deep: bool = False
    exif: bytes = b""
    icc: bytes = b""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Animation:
    """Pictures of one size, in order.

    durations: ms that each is shown; loops: how often all are, 0 for ever; losses: what the file should have had.
    """

    pictures: list[StillImage]
    durations: list[int]
    loops: int
    losses: list[str]

    @property
    def times(self) -> list[float]:
        """When each comes, s."""
        return [sum(self.durations[:number]) / 1000 for number in range(len(self.durations))]
