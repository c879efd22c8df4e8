"""Gaps and overlaps in sound: what is missing becomes silence, what is there twice is cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame

# Times are rounded to milliseconds and jitter; a gap this short is none. Where another recording begins, every one is.
MIN_GAP_SECONDS = Fraction(1, 50)
_MAX_SILENCE_SAMPLES = 48_000  # in one piece
_PCM = re.compile(r"pcm_(?:([su])(8|16|24|32|64)|f(?:16|24|32|64))(?:le|be)?(?:_planar)?$")
_PCM_SILENCE = {"pcm_u8": b"\x80", "pcm_alaw": b"\xd5", "pcm_mulaw": b"\xff"}


class SampleClock:
    """Counts the samples of one sound, and compares them with the times of its pieces. rate: samples a second."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._start: Fraction | None = None  # seconds
        self._samples = 0

    @property
    def end(self) -> Fraction:
        """Seconds at which the next piece should begin."""
        return (self._start or Fraction(0)) + Fraction(self._samples, self.rate)

    def missing(self, start: Fraction | None, *, begins_recording: bool = False) -> int:
        """Return how many samples are missing before a piece at `start` seconds; below 0 those that are too many."""
        if start is None:
            return 0
        if self._start is None:
            self._start = start
        gap = start - self.end
        return round(gap * self.rate) if begins_recording or abs(gap) >= MIN_GAP_SECONDS else 0

    def add(self, samples: int) -> None:
        """Take in that so many samples were written."""
        self._samples += samples


def silent_frames(like: AudioFrame, samples: int) -> Iterator[AudioFrame]:
    """Yield frames of silence with so many samples in all, in the format of another frame."""
    while samples > 0:
        count = min(samples, _MAX_SILENCE_SAMPLES)
        frame = AudioFrame(format=like.format.name, layout=known_layout(like.layout.nb_channels), samples=count)
        for plane in frame.planes:
            plane.update((b"\x80" if like.format.name in ("u8", "u8p") else b"\0") * plane.buffer_size)
        frame.sample_rate = like.sample_rate
        yield frame
        samples -= count


def cut_start(frame: AudioFrame, samples: int) -> AudioFrame | None:
    """Return a frame without its first samples; None if it has no more."""
    if samples >= frame.samples:
        return None
    channels = frame.layout.nb_channels
    data = frame.to_ndarray()[:, samples * (1 if frame.format.is_planar else channels) :]
    rest = AudioFrame.from_ndarray(data.copy(), format=frame.format.name, layout=known_layout(channels))
    rest.sample_rate = frame.sample_rate
    return rest


def pcm_sample_bytes(context: AudioCodecContext) -> int:
    """Return how many bytes a sample of all channels takes in a packet, or 0 if the sound is not plain PCM."""
    name = context.codec.canonical_name
    if name in ("pcm_alaw", "pcm_mulaw"):
        return context.channels
    if _PCM.match(name) is None or (name.startswith("pcm_u") and name != "pcm_u8"):
        return 0
    return context.channels * int("".join(filter(str.isdigit, name))) // 8


def pcm_silence(context: AudioCodecContext, samples: int) -> bytes:
    """Return the bytes of so many silent samples of all channels."""
    return _PCM_SILENCE.get(context.codec.canonical_name, b"\0") * (samples * pcm_sample_bytes(context))


def known_layout(channels: int) -> str:
    """Return FFmpeg's usual layout of so many channels: WMA, and PCM in AVI, name no speakers."""
    return f"{channels}c"


def nearest_rate(rate: int, rates: list[int] | None) -> int:
    """Return the lowest of the encoder's rates that loses nothing of `rate`, or its highest."""
    if not rates or rate in rates:
        return rate
    return min((taken for taken in rates if taken > rate), default=max(rates))
