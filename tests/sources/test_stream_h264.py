"""H.264 streams over TCP, with and without sound: complete, in order, and lost when they end."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import av
import numpy as np
import pytest

from realtime.errors import SignalLost, SourceError
from realtime.frame import Frame
from realtime.sources.stream import Stream


def read(stream: Stream) -> Frame:
    frame = stream.read()
    assert frame is not None
    return frame


def encode(seconds: float, *, sound: float = 0.0, key_every: int = 60) -> bytes:
    """Return MPEG-TS: H.264 with B-frames, frame n with gray level 2n in its corner, and `sound` seconds of silence."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as container:
        audio = container.add_stream("mp2", rate=48000) if sound else None
        packets: list[av.Packet] = []  # type: ignore[type-arg]
        if seconds:
            options = {"preset": "ultrafast", "x264-params": f"keyint={key_every}:bframes=2:b-adapt=0:scenecut=0"}
            video = container.add_stream("libx264", rate=30, options=options)
            video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for number in range(int(seconds * 30)):
            image = np.full((120, 160, 3), 90, np.uint8)
            image[:32, :32] = 2 * number
            packets += video.encode(av.VideoFrame.from_ndarray(image, format="bgr24"))
        if seconds:
            packets += video.encode()
        if audio is not None:
            for start in range(0, int(sound * 48000), 1152):
                chunk = av.AudioFrame.from_ndarray(np.zeros((1, 2304), np.int16), format="s16", layout="stereo")
                chunk.sample_rate, chunk.pts = 48000, start
                packets += audio.encode(chunk)
            packets += audio.encode()
        for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
            container.mux(packet)
    return file.getvalue()


@contextmanager
def serve(data: bytes, seconds: float) -> Iterator[str]:
    """Send the data evenly over so many seconds to the first client, then close the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            connection, _ = server.accept()
            begin, step = time.monotonic(), 188 * 7
            with connection:
                for offset in range(0, len(data), step):
                    time.sleep(max(0.0, begin + seconds * offset / len(data) - time.monotonic()))
                    try:
                        connection.sendall(data[offset : offset + step])
                    except OSError:
                        return

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join(60)


def test_h264_stream_is_decoded_whole_and_in_order_until_it_ends() -> None:
    """The first key frame is not lost while FFmpeg detects the format: the next one comes after 2 s only."""
    with serve(encode(3), seconds=3) as url, Stream(url) as stream:
        levels = []
        with pytest.raises(SignalLost, match="has ended the stream"):
            while True:
                levels.append(int(read(stream).image[16, 16, 1]))
        assert stream.fps == pytest.approx(30, rel=0.3)
    assert levels[0] < 8
    assert len(levels) == 90
    assert all(a <= b + 2 for a, b in pairwise(levels))


def test_video_that_stops_while_sound_continues_raises_signal_lost() -> None:
    with serve(encode(1, sound=8), seconds=8) as url, Stream(url, timeout=2.0) as stream:
        with pytest.raises(SignalLost, match="has sent no video for 2 s"):
            while True:
                stream.read()
        stream.close()


def test_stream_without_video_raises_source_error() -> None:
    with (
        serve(encode(0, sound=3), seconds=1) as url,
        pytest.raises(SourceError, match="sends no video") as caught,
    ):
        Stream(url)
    assert not isinstance(caught.value, SignalLost)
