"""What an interrupted run has left of a video, and whether another run may continue it."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.packet import Packet

from realtime.errors import OutputError
from realtime.sinks.output_file import part_path, previous_part_path, resume_info_path
from realtime.system.files import real_path

# No codec here moves a frame by more than this between decoding and presentation order. So once as many packets follow,
# no frame that is shown earlier can be missing.
MAX_REORDER_FRAMES = 16

# MP4 stores H.264 and HEVC with lengths, the encoder delivers them with start codes; and the parameter sets, which the
# new file has already, are removed.
_TO_ENCODER_OUTPUT = {
    "h264": "h264_mp4toannexb,filter_units=remove_types=7-8",
    "hevc": "hevc_mp4toannexb,filter_units=remove_types=32-34",
}


class PartialVideo:
    """The frames of an unfinished video that can be kept: the first ones, without a gap.

    path: where the video was found. max_frames: keep no more. replaces: the run that began it was allowed to replace
    an existing file. times: presentation times of the frames to keep, seconds from the first one, ascending.
    """

    def __init__(self, path: Path, *, max_frames: int | None = None, replaces: bool = False) -> None:
        self.path, self.replaces = path, replaces
        self._pixel_layout = _stored_pixel_layout(path)
        times = [
            packet.pts * packet.time_base for packet in _video_packets(path)
        ]  # presentation times, in decoding order
        rank_of_time = {time: rank for rank, time in enumerate(sorted(times))}
        ranks = [rank_of_time[time] for time in times]  # each packet's place in presentation order
        frames = highest_rank = 0
        for count, rank in enumerate(ranks[: min(len(ranks) - MAX_REORDER_FRAMES, max_frames or len(ranks))], 1):
            highest_rank = max(highest_rank, rank)
            if highest_rank == count - 1:  # the packets so far are the first frames, without a gap
                frames = count
        first_time = min(times, default=Fraction(0))  # not always 0: in Matroska sound may begin earlier
        self.times = sorted(time - first_time for time in times[:frames])
        self._ranks = ranks[:frames]
        self._reorder_frames = max((index - rank for index, rank in enumerate(self._ranks)), default=0)

    @property
    def frames(self) -> int:
        """How many frames can be kept."""
        return len(self.times)

    def require_pixel_format(self, name: str) -> None:
        """Raise OutputError if the frames have another pixel format than new ones: an older version chose it then."""
        if self._pixel_layout != _pixel_layout(name):
            raise OutputError(
                f"{self.path} cannot be resumed: an earlier version began it with another pixel format; "
                "--overwrite begins anew"
            )

    def packets(self, path: Path, codec: str, time_base: Fraction, first_pts: int) -> Generator[Packet[Any]]:
        """Yield the packets to keep in decoding order, as the encoder delivered them.

        path: where the video lies now. time_base: what the packets' times are converted to; the first frame's is
        `first_pts`.
        """
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            filters = BitStreamFilterContext(_TO_ENCODER_OUTPUT[codec], stream) if codec in _TO_ENCODER_OUTPUT else None
            pts = [first_pts + round(time / time_base) for time in self.times]
            for index, (rank, source) in enumerate(zip(self._ranks, _video_packets(path), strict=False)):
                duration = round((source.duration or 0) * source.time_base / time_base)
                for packet in [source] if filters is None else filters.filter(source):
                    packet.pts, packet.dts, packet.duration = pts[rank], self._dts(pts, index), duration
                    packet.time_base = time_base
                    yield packet

    def _dts(self, pts: list[int], index: int) -> int:
        """Return the decoding time of a packet as encoders count: the pts of as many frames earlier as are reordered.

        pts: of all frames, ascending. index: the packet's in decoding order.
        """
        if index >= self._reorder_frames:
            return pts[index - self._reorder_frames]
        return pts[index] - (pts[min(self._reorder_frames, len(pts) - 1)] - pts[0])


def _pixel_layout(name: str) -> tuple[int, ...]:
    """Return what differs between stored pixel formats: components, more than 8 bits, size of the chroma planes."""
    format = av.VideoFormat(name, 64, 64)
    high_bit_depth = max(component.bits for component in format.components) > 8  # ProRes of 10 bits decodes to 12
    return len(format.components), high_bit_depth, format.chroma_width(64), format.chroma_height(64)


def _stored_pixel_layout(path: Path) -> tuple[int, ...]:
    """Return the pixel layout of an unfinished video; an empty tuple if it cannot be read."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            components, *rest = _pixel_layout(stream.codec_context.pix_fmt or "")
            tags = {key.lower(): value for key, value in stream.metadata.items()}
            has_own_alpha = tags.get("alpha_mode") == "1"  # a second stream in the frames of VP9
            return components + has_own_alpha, *rest
    except (av.error.FFmpegError, IndexError, ValueError):
        return ()


def _video_packets(path: Path) -> Iterator[Any]:
    """Yield the video packets of a file that may be cut off anywhere."""
    try:
        with av.open(str(path)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size == 0 or packet.pts is None or packet.is_corrupt:
                    return
                yield packet
    except (av.error.FFmpegError, IndexError):
        return


def find_partial_video(path: Path, resume_key: dict[str, Any], max_frames: int | None = None) -> PartialVideo | None:
    """Return what an earlier run has left of the output `path`, or None if there is nothing to continue.

    max_frames: how many frames the output is to have. Raises OutputError if the earlier run had another resume key.
    """
    real = real_path(path)
    info_path = resume_info_path(real)
    info = _read_json(info_path)
    candidates = [part_path(real), previous_part_path(real)]
    found = [file for file in candidates if _has_content(file)]
    exists = os.path.exists(real)
    if not found and exists and info.get("closed") == os.path.getsize(real):
        found = [real]
    if not found:
        if exists and os.path.exists(info_path):
            raise OutputError(f"{path} cannot be resumed: {info_path.name} does not fit it; --overwrite begins anew")
        return None
    if "recipe" not in info:
        raise OutputError(f"{found[0]} cannot be resumed: {info_path.name}, which says how it was begun, is gone")
    for name, value in resume_key.items():
        if info["recipe"].get(name) != value:
            raise OutputError(
                f"{found[0]} cannot be resumed: it was begun with another {name}; that stays, or begin anew"
            )
    replaces = bool(info.get("replaces"))
    videos = [PartialVideo(file, max_frames=max_frames, replaces=replaces) for file in found]
    longest = max(videos, key=lambda video: video.frames)
    return longest if longest.frames else None


def require_no_leftover(path: Path) -> None:
    """Raise OutputError if an interrupted run has left frames that a new run would overwrite."""
    real = real_path(path)
    for file in (part_path(real), previous_part_path(real)):
        if _has_content(file) and os.path.exists(resume_info_path(real)):
            raise OutputError(
                f"{file} is what an interrupted run has left; --resume goes on from it, --overwrite begins anew"
            )


def _has_content(path: Path) -> bool:
    return os.path.exists(path) and os.path.getsize(path) > 0


def _read_json(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}
