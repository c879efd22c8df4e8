"""Network cameras: any stream that FFmpeg opens by its URL, through PyAV."""

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
from realtime.sources.base import MAX_DAMAGED_FRAMES, LiveSource
from realtime.sources.urls import mask_credentials, url_scheme
from realtime.system.clock import Clock, SystemClock
from realtime.system.fps import FrameRate

TIMEOUT_SECONDS = 3.0  # after this time without data the signal is lost
NO_FRAME_SECONDS = 15.0  # after this time with data but no whole frame it is lost too; key frames come more often

# No `fflags=nobuffer`: it discards what was read to find out the format, the key frame with it, and H.264 then shows
# nothing until the next one (measured: first picture after 2.3 s instead of 0.8). What is kept arrives in one burst
# and delays nothing, since only the newest frame is stylized.
_OPTIONS = {
    "probesize": "500000",  # bytes; FFmpeg's default is 5,000,000
    "analyzeduration": "500000",  # µs; FFmpeg's default is 5,000,000
    "formatprobesize": "32768",  # bytes; bare JPEGs from a slow camera are recognised in time
    "rtsp_flags": "prefer_tcp",  # then UDP, for cameras that support nothing else
    "overrun_nonfatal": "1",  # UDP: a full buffer costs frames, not the connection
}

_FORMATS_WITHOUT_RATE = ("mpjpeg", "mjpeg")  # FFmpeg reports 25 fps for these, whatever arrives


class Stream(LiveSource):
    """A camera at a URL, opened by its constructor, which waits for the first frame.

    pts is the time of arrival, because the timestamps of many cameras are wrong.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT_SECONDS, clock: Clock | None = None) -> None:
        super().__init__(clock or SystemClock())
        self._url, self._name = url, mask_credentials(url)
        self._timeout = timeout
        self._decode_errors_in_row = self._frames_decoded = 0
        self._pending: deque[Image] = deque()  # decoded, not yet returned by `read`
        self._container: InputContainer | None = None
        self._is_forced_mjpeg = False
        try:
            self._open()
            while not self._pending:
                self._receive()
        except BaseException:
            self.close()
            raise
        self._size = (self._pending[0].shape[1], self._pending[0].shape[0])

    @property
    def name(self) -> str:
        """The URL, with passwords masked."""
        return self._name

    def read(self) -> Frame:
        """Wait for the next frame. Raises SignalLost after `timeout` without data, or 50 damaged frames in a row."""
        if self._container is None:
            raise SourceError(f"{self._name} is closed")
        while not self._pending:
            self._receive()
        return self._stamp(self._pending.popleft(), self._clock.now())

    def close(self) -> None:
        """Close the connection. May be called twice, but only by the thread that reads."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> None:
        try:
            self._use(self._connect(None))
        except av.error.InvalidDataError as error:
            if not self._reopen_as_mjpeg():
                self._raise_source_error(error)
        except av.error.FFmpegError as error:
            self._raise_source_error(error)

    def _reopen_as_mjpeg(self) -> bool:
        """Connect again and search whatever arrives for JPEGs; return False if there are none.

        For home-made cameras whose parts are declared as image/jpg or have a wrong Content-Length: FFmpeg refuses
        them, the latter only at the second frame.
        """
        if self._is_forced_mjpeg or self._frames_decoded > 2 or url_scheme(self._url) not in ("http", "https"):
            return False
        self._is_forced_mjpeg = True
        self.close()
        try:
            container = self._connect("mjpeg")
        except av.error.FFmpegError:
            return False
        if not container.streams.video or not container.streams.video[0].width:
            container.close()
            return False
        self._use(container)
        return True

    def _connect(self, format: str | None) -> InputContainer:
        timeout = (self._timeout, self._timeout)
        return av.open(self._url, format=format, timeout=timeout, options=_OPTIONS, metadata_errors="replace")

    def _use(self, container: InputContainer) -> None:
        """Read from this container from now on. Raises SourceError if it has no video that can be decoded."""
        self._container = container
        if not container.streams.video:
            raise SourceError(f"{self._name} sends no video")
        self._video: VideoStream = container.streams.video[0]
        if self._video.codec_context is None:
            raise SourceError(f"{self._name} sends video in a format that FFmpeg cannot decode")
        # Frame threads would each hold one frame back.
        self._video.codec_context.thread_type = ThreadType.SLICE
        self._video.codec_context.flags |= Flags.low_delay
        rate = self._video.average_rate if container.format.name not in _FORMATS_WITHOUT_RATE else None
        self._declared_fps = round(float(rate), 2) if rate else 0.0
        self._packets = container.demux()
        self._last_packet_time = self._last_frame_time = self._clock.now()
        self._rate = FrameRate(self._clock.now())

    def _receive(self) -> None:
        """Read one packet, which may add frames. Packets of sound do not count as a sign of life."""
        try:
            packet = next(self._packets)
        except StopIteration:
            raise SignalLost(f"{self._name} has ended the stream") from None
        except av.error.FFmpegError as error:
            if isinstance(error, av.error.InvalidDataError) and self._reopen_as_mjpeg():
                return
            self._raise_source_error(error)
        now = self._clock.now()
        if packet.stream.index == self._video.index:
            self._last_packet_time = now
            self._decode(cast("Packet[VideoStream]", packet))
        if self._pending:
            self._last_frame_time = now
        elif now - self._last_packet_time > self._timeout:
            raise SignalLost(f"{self._name} has sent no video for {self._timeout:g} s")
        elif now - self._last_frame_time > NO_FRAME_SECONDS:
            raise SignalLost(f"{self._name} has sent no whole picture for {NO_FRAME_SECONDS:g} s")

    def _decode(self, packet: Packet[VideoStream]) -> None:
        try:
            for frame in self._video.codec_context.decode(packet):
                self._pending.append(np.asarray(frame.to_ndarray(format="bgr24", threads=1), np.uint8))
                self._frames_decoded += 1
                self._decode_errors_in_row = 0
        except av.error.FFmpegError:
            self._decode_errors += 1
            self._decode_errors_in_row += 1
        if self._decode_errors_in_row >= MAX_DAMAGED_FRAMES:
            raise SignalLost(f"{self._name} sends garbage: {MAX_DAMAGED_FRAMES} damaged pictures in a row")

    def _raise_source_error(self, error: av.error.FFmpegError) -> NoReturn:
        """Raise a SourceError instead of FFmpeg's, unchained: FFmpeg's message has the URL with its password."""
        kind, reason = _explain_error(error, self._timeout, has_worked=self._frames_decoded > 0)
        raise kind(f"{self._name} {reason}") from None


def _explain_error(error: av.error.FFmpegError, timeout: float, has_worked: bool) -> tuple[type[SourceError], str]:
    """Return the class to raise, and the reason in words that follow the camera's name."""
    match error:
        case av.error.ExitError() | av.error.TimeoutError():
            return SignalLost, f"has sent no video for {timeout:g} s"
        case av.error.EOFError() | av.error.ConnectionResetError() | av.error.OSError(errno=errno.EIO):
            return SignalLost, "has ended the stream" if has_worked else "hangs up, or there is no such host"
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
