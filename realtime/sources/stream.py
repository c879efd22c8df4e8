"""Network cameras: anything FFmpeg opens by its address, through PyAV."""

from __future__ import annotations

import errno
from collections import deque
from typing import NoReturn, cast

import av
import numpy as np
from av.codec.context import Flags, ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from realtime.errors import SignalLost, SourceError
from realtime.frame import Frame, Image
from realtime.sources.base import Source
from realtime.sources.urls import mask, scheme_of
from realtime.system.clock import Clock, SystemClock
from realtime.system.fps import FrameRate

TIMEOUT = 3.0  # s without a word from the camera
NO_PICTURE = 15.0  # s of data without one picture: longer than cameras go between two key frames
HOPELESS = 50  # pictures in a row that cannot be decoded

# No `fflags=nobuffer`: it throws away what was read to find out the format, the key frame with it, and H.264
# then shows nothing until the next one (measured: first picture after 2.3 s instead of 0.8). What is kept
# arrives in one burst and delays nothing, since only the newest frame is painted.
_OPTIONS = {
    "probesize": "500000",  # bytes, of 5,000,000
    "analyzeduration": "500000",  # µs, of 5,000,000
    "formatprobesize": "32768",  # bytes: bare JPEGs from a slow camera are recognised in time
    "rtsp_flags": "prefer_tcp",  # then UDP, for cameras that know nothing else
    "overrun_nonfatal": "1",  # udp: a full buffer costs pictures, not the connection
}

_UNTIMED = ("mpjpeg", "mjpeg")  # FFmpeg says 25 fps whatever comes


class Stream(Source):
    """A camera at an address, opened by its constructor, which waits for the first picture.

    pts is the time of arrival: what cameras write there themselves is too often made up.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT, clock: Clock | None = None) -> None:
        self._url, self._name = url, mask(url)
        self._timeout = timeout
        self._clock = clock or SystemClock()
        self._errors = self._errors_in_row = self._whole = 0
        self._pictures: deque[Image] = deque()  # decoded, not yet asked for
        self._first: float | None = None  # when the first frame was given out
        self._container: InputContainer | None = None
        self._scanning = False
        try:
            self._open()
            while not self._pictures:
                self._receive()
        except BaseException:
            self.close()
            raise
        self._size = (self._pictures[0].shape[1], self._pictures[0].shape[0])

    @property
    def name(self) -> str:
        """The address, with passwords masked."""
        return self._name

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the newest frame."""
        return self._size

    @property
    def fps(self) -> float:
        """Frames a second: measured, until then what the stream says of itself; 0.0 is unknown."""
        return self._rate.value(default=self._declared)

    @property
    def decode_errors(self) -> int:
        """Pictures that came damaged and were skipped."""
        return self._errors

    def read(self) -> Frame:
        """Wait for the next frame; SignalLost after `timeout` without data, or 50 damaged ones in a row."""
        if self._container is None:
            raise SourceError(f"{self._name} is closed")
        while not self._pictures:
            self._receive()
        image = self._pictures.popleft()
        now = self._clock.now()
        if self._first is None:
            self._first = now
        self._rate.tick(now)
        self._size = (image.shape[1], image.shape[0])
        return Frame(image, now - self._first, now)

    def close(self) -> None:
        """Hang up. May be called twice, but only by the thread that reads."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> None:
        try:
            self._attach(self._connect(None))
        except av.error.InvalidDataError as error:
            if not self._scan():
                self._fail(error)
        except av.error.FFmpegError as error:
            self._fail(error)

    def _scan(self) -> bool:
        """Connect again and look for JPEGs in whatever comes; False if there are none.

        For home-made cameras whose parts say image/jpg or count their bytes wrong: FFmpeg refuses them, the
        latter only at the second picture.
        """
        if self._scanning or self._whole > 2 or scheme_of(self._url) not in ("http", "https"):
            return False
        self._scanning = True
        self.close()
        try:
            container = self._connect("mjpeg")
        except av.error.FFmpegError:
            return False
        if not container.streams.video or not container.streams.video[0].width:
            container.close()
            return False
        self._attach(container)
        return True

    def _connect(self, format: str | None) -> InputContainer:
        timeout = (self._timeout, self._timeout)
        return av.open(self._url, format=format, timeout=timeout, options=_OPTIONS, metadata_errors="replace")

    def _attach(self, container: InputContainer) -> None:
        self._container = container
        if not container.streams.video:
            raise SourceError(f"{self._name} sends no video")
        self._video: VideoStream = container.streams.video[0]
        if self._video.codec_context is None:
            raise SourceError(f"{self._name} sends video in a format that FFmpeg cannot decode")
        # Threads that decode a frame each would keep as many frames back.
        self._video.codec_context.thread_type = ThreadType.SLICE
        self._video.codec_context.flags |= Flags.low_delay
        rate = self._video.average_rate if container.format.name not in _UNTIMED else None
        self._declared = round(float(rate), 2) if rate else 0.0
        self._packets = container.demux()
        self._heard = self._seen = self._clock.now()  # the last packet, the last picture
        self._rate = FrameRate(self._clock.now())

    def _receive(self) -> None:
        """Take one packet; may add pictures. Other streams are demuxed too: sound alone is silence here."""
        try:
            packet = next(self._packets)
        except StopIteration:
            raise SignalLost(f"{self._name} has ended the stream") from None
        except av.error.FFmpegError as error:
            if isinstance(error, av.error.InvalidDataError) and self._scan():
                return
            self._fail(error)
        now = self._clock.now()
        if packet.stream.index == self._video.index:
            self._heard = now
            self._decode(cast("Packet[VideoStream]", packet))
        if self._pictures:
            self._seen = now
        elif now - self._heard > self._timeout:
            raise SignalLost(f"{self._name} has sent no video for {self._timeout:g} s")
        elif now - self._seen > NO_PICTURE:
            raise SignalLost(f"{self._name} has sent no whole picture for {NO_PICTURE:g} s")

    def _decode(self, packet: Packet[VideoStream]) -> None:
        try:
            for picture in self._video.codec_context.decode(packet):
                self._pictures.append(np.asarray(picture.to_ndarray(format="bgr24", threads=1), np.uint8))
                self._whole += 1
                self._errors_in_row = 0
        except av.error.FFmpegError:
            self._errors += 1
            self._errors_in_row += 1
        if self._errors_in_row >= HOPELESS:
            raise SignalLost(f"{self._name} sends garbage: {HOPELESS} damaged pictures in a row")

    def _fail(self, error: av.error.FFmpegError) -> NoReturn:
        """Raise ours instead. Never chained: FFmpeg's message holds the address with its password."""
        kind, reason = _explain(error, self._timeout, worked=self._whole > 0)
        raise kind(f"{self._name} {reason}") from None


def _explain(error: av.error.FFmpegError, timeout: float, worked: bool) -> tuple[type[SourceError], str]:
    """Which error it is for us, and why in words that follow the camera's name."""
    match error:
        case av.error.ExitError() | av.error.TimeoutError():
            return SignalLost, f"has sent no video for {timeout:g} s"
        case av.error.EOFError() | av.error.ConnectionResetError() | av.error.OSError(errno=errno.EIO):
            return SignalLost, "has ended the stream" if worked else "hangs up, or there is no such host"
        case av.error.ConnectionRefusedError():
            return SignalLost, "refuses the connection; is the camera on, and the port right?"
        case av.error.InvalidDataError():
            return SignalLost, "sends something that is not video"
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return SourceError, "wants another user name or password (scheme://user:password@host/...)"
        case av.error.HTTPNotFoundError():
            return SourceError, "has no such page"
        case av.error.HTTPClientError() | av.error.HTTPBadRequestError():
            return SourceError, f"refuses the request: {error.strerror}"
        case av.error.ProtocolNotFoundError():
            return SourceError, "needs a protocol that the installed FFmpeg does not speak"
        case _:
            return SignalLost, f"fails: {error.strerror or type(error).__name__}"
