"""Network cameras and films: any stream that FFmpeg opens by its URL, through PyAV."""

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
from realtime.sources.packet_reader import PacketReader
from realtime.sources.playback_clock import PlaybackClock
from realtime.sources.urls import mask_credentials, url_scheme
from realtime.system.clock import Clock, SystemClock
from realtime.system.fps import FrameRate

OPEN_TIMEOUT_SECONDS = 3.0  # a camera that has sent nothing by then is not waited for
TIMEOUT_SECONDS = 3.0  # after this time without data the signal is lost, unless the camera is slower
SLOW_TIMEOUT_SECONDS = 20.0  # the same for a slow camera and for a stream of segments
MISSED_FRAMES = 4  # intervals without a picture after which a slow camera is lost
NO_FRAME_SECONDS = 15.0  # after this time with data but no whole frame it is lost too; key frames come more often
NUM_INTERVALS = 10  # the last ones, of which the longest counts
MIN_INTERVALS = 3  # fewer do not tell that a camera is fast: some send their first picture twice

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

_SEGMENTED_FORMATS = ("hls", "dash")  # files in turn, each sent as fast as the network can
_LIVE_FORMATS = ("mpjpeg", "mjpeg")  # pictures that come when they are taken, whatever length the server declares
_FORMATS_WITHOUT_RATE = ("mpjpeg", "mjpeg")  # FFmpeg reports 25 fps for these, whatever arrives


class Stream(LiveSource):
    """A camera or film at a URL, opened by its constructor, which waits for the first frame.

    A camera's frames come when they arrive, because the timestamps of many cameras are wrong. What arrives as files
    does, a film or the segments of HLS, is played by its own clock. pts is the time of arrival or showing.
    timeout: seconds without data after which the signal is lost; by default they follow the camera's own interval.
    open_timeout: seconds that opening may take; by default the timeout, or else as long as something comes.
    """

    def __init__(
        self, url: str, *, timeout: float | None = None, open_timeout: float | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(clock or SystemClock())
        self._url, self._name = url, mask_credentials(url)
        self._timeout, self._open_timeout = timeout, open_timeout or timeout
        self._longest_open_timeout = self._open_timeout or OPEN_TIMEOUT_SECONDS
        self._decode_errors_in_row = self._frames_decoded = 0
        self._pending: deque[tuple[float | None, Image]] = deque()  # decoded, not yet returned: time in seconds, image
        self._intervals: deque[float] = deque(maxlen=NUM_INTERVALS)  # seconds between packets of the video
        self._opening_seconds = 0.0  # of the connection: FFmpeg waits for the second picture of some cameras
        self._reader: PacketReader | None = None
        self._is_forced_mjpeg = False
        try:
            self._open()
            while not self._pending:
                self._receive()
        except BaseException:
            self.close()
            raise
        image = self._pending[0][1]
        self._size = (image.shape[1], image.shape[0])

    @property
    def name(self) -> str:
        """The URL, with passwords masked."""
        return self._name

    @property
    def interval(self) -> float:
        """Longest time between frames that is usual, in seconds."""
        return self._current_timeout / MISSED_FRAMES

    @property
    def can_pause(self) -> bool:
        """Whether it is a film: its time passes only during `read`."""
        return self._is_film

    def read(self) -> Frame | None:
        """Wait for the next frame; None after the last one of a film.

        Raises SignalLost after the time without data, or 50 damaged frames in a row.
        """
        if self._reader is None:
            raise SourceError(f"{self._name} is closed")
        if self._is_film:
            self._playback.resume()
        try:
            while not self._pending:
                self._receive()
        except EOFError:  # the end of a film
            return None
        seconds, image = self._pending.popleft()
        if self._plays_by_clock:
            self._playback.wait(seconds)
        return self._stamp(image, self._clock.now())

    def close(self) -> None:
        """Close the connection. May be called twice, but only by the thread that reads."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _open(self) -> None:
        try:
            self._use(self._connect_patiently())
        except av.error.InvalidDataError as error:
            if not self._reopen_as_mjpeg():
                self._raise_source_error(error, self._longest_open_timeout)
        except av.error.FFmpegError as error:
            self._raise_source_error(error, self._longest_open_timeout)

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

    def _connect_patiently(self) -> InputContainer:
        """Connect; where no time is given, a second time for longer if something comes, but too slowly."""
        try:
            return self._connect(None)
        except av.error.ExitError:
            if self._open_timeout is not None or not self._sends_anything():
                raise
        self._longest_open_timeout = SLOW_TIMEOUT_SECONDS
        return self._connect(None)

    def _sends_anything(self) -> bool:
        """Return whether a byte follows the HTTP header in time."""
        try:
            with self._connect("data") as container:
                return next(container.demux()).size > 0
        except (av.error.FFmpegError, StopIteration):
            return False

    def _connect(self, format: str | None) -> InputContainer:
        start = self._clock.now()
        read_timeout = self._longest_open_timeout if format == "data" else self._timeout or SLOW_TIMEOUT_SECONDS
        timeout = (self._longest_open_timeout, read_timeout)
        container = av.open(self._url, format=format, timeout=timeout, options=_OPTIONS, metadata_errors="replace")
        self._opening_seconds = self._clock.now() - start
        return container

    def _use(self, container: InputContainer) -> None:
        """Read from this container from now on. Raises SourceError if it has no video that can be decoded."""
        self._reader = PacketReader(container)
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
        self._video_index, self._time_base = self._video.index, self._video.time_base
        is_file = container.size > 0 and container.format.name not in _LIVE_FORMATS
        is_file = is_file and not container.format.name.endswith("_pipe")  # a camera's single picture
        is_segmented = container.format.name in _SEGMENTED_FORMATS
        self._is_film = is_file and (container.duration is not None or not is_segmented)
        self._plays_by_clock = is_segmented or is_file
        self._playback = PlaybackClock(self._clock)
        self._last_packet_time = self._last_frame_time = self._clock.now()
        self._intervals.clear()
        self._has_packet = False
        self._rate = FrameRate(self._clock.now())

    @property
    def _current_timeout(self) -> float:
        """Seconds without video after which the signal is lost."""
        if self._timeout is not None:
            return self._timeout
        if self._plays_by_clock or len(self._intervals) < MIN_INTERVALS:
            return SLOW_TIMEOUT_SECONDS
        return min(SLOW_TIMEOUT_SECONDS, max(TIMEOUT_SECONDS, MISSED_FRAMES * max(self._intervals)))

    def _receive(self) -> None:
        """Read one packet, which may add frames. Packets of sound do not count as a sign of life.

        Raises EOFError at the end of a film.
        """
        assert self._reader is not None
        timeout = self._current_timeout
        try:
            packet = self._reader.take(timeout)
        except EOFError:
            if self._is_film:
                raise
            raise SignalLost(f"{self._name} has ended the stream") from None
        except av.error.FFmpegError as error:
            if isinstance(error, av.error.InvalidDataError) and self._reopen_as_mjpeg():
                return
            self._raise_source_error(error, timeout)
        now = self._clock.now()
        if packet is not None and packet.stream_index == self._video_index:
            self._intervals.append(now - self._last_packet_time if self._has_packet else self._opening_seconds)
            self._last_packet_time, self._has_packet = now, True
            self._decode(cast("Packet[VideoStream]", packet))
        if self._pending:
            self._last_frame_time = now
        elif packet is None or now - self._last_packet_time > timeout:
            raise SignalLost(f"{self._name} has sent no video for {timeout:g} s")
        elif now - self._last_frame_time > max(NO_FRAME_SECONDS, timeout):
            raise SignalLost(f"{self._name} has sent no whole picture for {NO_FRAME_SECONDS:g} s")

    def _decode(self, packet: Packet[VideoStream]) -> None:
        try:
            for frame in self._video.codec_context.decode(packet):
                seconds = float(frame.pts * self._time_base) if frame.pts is not None and self._time_base else None
                self._pending.append((seconds, np.asarray(frame.to_ndarray(format="bgr24", threads=1), np.uint8)))
                self._frames_decoded += 1
                self._decode_errors_in_row = 0
        except av.error.FFmpegError:
            self._decode_errors += 1
            self._decode_errors_in_row += 1
        if self._decode_errors_in_row >= MAX_DAMAGED_FRAMES:
            raise SignalLost(f"{self._name} sends garbage: {MAX_DAMAGED_FRAMES} damaged pictures in a row")

    def _raise_source_error(self, error: av.error.FFmpegError, timeout: float) -> NoReturn:
        """Raise a SourceError instead of FFmpeg's, unchained: FFmpeg's message has the URL with its password."""
        kind, reason = _explain_error(error, timeout, has_worked=self._frames_decoded > 0)
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
