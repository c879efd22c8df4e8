"""Films and segmented streams over HTTP, which arrive faster than they play, and cameras slower than the timeout."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import av
import pytest

from realtime.errors import SignalLost
from realtime.frame import Frame
from realtime.sources import packet_reader, stream
from realtime.sources.playback_clock import PlaybackClock
from realtime.sources.reconnect import ReconnectingSource
from realtime.sources.stream import Stream
from realtime.system.clock import FakeClock
from tests.fault_camera import FaultCamera, Mode

FRAME_SECONDS = 0.1
FILMS = {
    "film.mp4": ("-c:v", "libx264", "-g", "5"),
    "film.ts": ("-c:v", "libx264", "-g", "5"),
    "film.mkv": ("-c:v", "mpeg4"),
    "film.m3u8": ("-c:v", "libx264", "-g", "10", "-bf", "0", "-f", "hls", "-hls_time", "1", "-hls_list_size", "0"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of films of 3 s at 10 fps, and of four segments of 1 s."""
    folder = tmp_path_factory.mktemp("films")
    for name, options in FILMS.items():
        source = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=3")
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *source, *options, folder / name], check=True)
    return folder


class Server(ThreadingHTTPServer):
    """Serves the files of a folder, and a live playlist of `segments`, which may grow."""

    daemon_threads = True
    segments: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/live.m3u8":
            return super().do_GET()
        assert isinstance(self.server, Server)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0"]
        for name in self.server.segments:
            lines += ["#EXT-X-DISCONTINUITY"] * (name == "film0.ts") + ["#EXTINF:1.0,", name]
        body = "\n".join([*lines, ""]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.apple.mpegurl")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def frames(source: Stream) -> Iterator[Frame]:
    while (frame := source.read()) is not None:
        yield frame


@pytest.mark.parametrize("name", FILMS)
def test_film_over_http_is_played_by_its_own_clock_to_its_end(server: Server, name: str) -> None:
    clock = FakeClock()
    with Stream(server.url + name, clock=clock) as film:
        assert film.can_pause
        times = [frame.captured for frame in frames(film)]
        assert film.read() is None
    assert len(times) == 30
    assert times == pytest.approx([times[0] + n * FRAME_SECONDS for n in range(30)], abs=0.002)


def test_paused_film_goes_on_where_it_was(server: Server) -> None:
    clock = FakeClock()
    with Stream(server.url + "film.mp4", clock=clock) as film:
        before = list(islice(frames(film), 5))[-1].captured
        clock.advance(100)
        after = next(frames(film)).captured
    assert after - before == pytest.approx(100 + FRAME_SECONDS, abs=0.002)


def test_live_segments_are_played_evenly_without_a_loss_of_signal(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments come in bursts: the next one is there only after all frames of the last one have been read."""
    monkeypatch.setattr(stream, "TIMEOUT_SECONDS", 0.2)
    server.segments = ("film0.ts", "film1.ts")
    clock = FakeClock()
    with Stream(server.url + "live.m3u8", clock=clock) as camera:
        assert not camera.can_pause
        times = [frame.captured for frame in islice(frames(camera), 18)]  # FFmpeg holds two back
        threading.Timer(1.0, setattr, (server, "segments", ("film0.ts", "film1.ts", "film2.ts"))).start()
        times += [frame.captured for frame in islice(frames(camera), 10)]
    assert times == pytest.approx([times[0] + n * FRAME_SECONDS for n in range(28)], abs=0.002)


@pytest.mark.parametrize("order", [(0, 1, 0), (2, 0, 1), (2, 1, 0)])
def test_segments_of_another_recording_follow_at_once(server: Server, order: tuple[int, ...]) -> None:
    """Their times jump back."""
    server.segments = tuple(f"film{number}.ts" for number in order)
    clock = FakeClock()
    with Stream(server.url + "live.m3u8", clock=clock) as camera:
        times = [frame.captured for frame in islice(frames(camera), 10 * len(server.segments) - 2)]
    assert times[-1] - times[0] <= len(times) * FRAME_SECONDS


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, 95443.7, -0.5])
def test_jump_of_times_delays_nothing(jump: float) -> None:
    clock = FakeClock()
    playback = PlaybackClock(clock)
    for seconds in (5.0, 5.1, 5.1 + jump, 5.2 + jump, None):
        playback.wait(seconds)
    assert clock.waits == pytest.approx([0, 0.1, 0, 0.1, 0], abs=1e-6)


def test_late_film_continues_from_there() -> None:
    clock = FakeClock()
    playback = PlaybackClock(clock)
    playback.wait(0.0)
    clock.advance(5)
    for seconds in (0.1, 0.2, 0.3):
        playback.wait(seconds)
    assert clock.waits == pytest.approx([0, 0, 0.1, 0.1])


def test_camera_slower_than_the_timeout_stays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "TIMEOUT_SECONDS", 0.1)
    with FaultCamera(fps=2, size=(64, 48)) as camera, ReconnectingSource(lambda: Stream(camera.url)) as source:
        for _ in range(4):
            assert source.read() is not None
        assert source.signal_losses == 0
        assert source.interval > 0.5, "the screen says that it sends nothing"


def test_fast_camera_that_stops_is_lost_soon_whatever_slow_ones_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "TIMEOUT_SECONDS", 0.5)
    with FaultCamera(fps=50, size=(64, 48)) as camera, Stream(camera.url) as source:
        list(islice(frames(source), 20))
        camera.mode = "stall"
        with pytest.raises(SignalLost, match=r"has sent no video for [0-9.]+ s") as caught:
            list(frames(source))
        assert float(str(caught.value).split()[-2]) < stream.SLOW_TIMEOUT_SECONDS


def test_camera_silent_after_its_first_pictures_is_lost_as_soon_as_any_other() -> None:
    """The clock stands still, so the opening takes no time."""
    with FaultCamera(fps=50, size=(64, 48)) as camera, Stream(camera.url, clock=FakeClock()) as source:
        list(islice(frames(source), stream.MIN_INTERVALS))
        assert source.interval * stream.MISSED_FRAMES == stream.TIMEOUT_SECONDS


def test_camera_whose_opening_took_long_may_take_as_long_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg has waited for its second picture then, and both are there at once."""
    clock, open_container = FakeClock(), av.open

    def open_slowly(*arguments: Any, **options: Any) -> Any:
        clock.advance(4)
        return open_container(*arguments, **options)

    monkeypatch.setattr(av, "open", open_slowly)
    with FaultCamera(fps=50, size=(64, 48)) as camera, Stream(camera.url, clock=clock) as source:
        list(islice(frames(source), stream.MIN_INTERVALS))
        assert source.interval == 4


def test_camera_whose_second_picture_comes_after_the_timeout_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    asks = Stream._sends_anything

    def ask_and_speed_up(source: Stream) -> bool:
        answer = asks(source)
        camera.fps = 50  # of later connections
        return answer

    monkeypatch.setattr(Stream, "_sends_anything", ask_and_speed_up)
    with FaultCamera(fps=0.001, size=(64, 48)) as camera, Stream(camera.url) as source:
        assert source.read() is not None
        assert camera.connections == 3


@pytest.mark.parametrize("mode", ["stall", "late"])
def test_camera_that_sends_nothing_while_opening_is_reported_before_a_slow_one(
    monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    monkeypatch.setattr(stream, "OPEN_TIMEOUT_SECONDS", 0.2)
    with FaultCamera(mode=mode) as camera:
        with pytest.raises(SignalLost, match=r"has sent no video for 0\.2 s"):
            Stream(camera.url)
        assert camera.connections == 2


def test_sender_waits_while_a_paused_film_is_full(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_reader, "MAX_PACKETS", 4)
    with Stream(server.url + "film.mkv", clock=FakeClock()) as film:
        assert film._reader is not None
        count: Callable[[], int] = lambda: len(film._reader._packets)  # type: ignore[union-attr]  # noqa: E731
        assert next(frames(film)) is not None
        assert 0 <= count() <= 4
        assert len(list(frames(film))) == 29
