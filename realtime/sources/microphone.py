"""The default microphone, through FFmpeg."""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from realtime.errors import SourceError
from realtime.system.clock import Clock, SystemClock

CHUNK_SECONDS = 0.1  # length of a packet
MAX_DRIFT_SECONDS = 0.1  # a larger difference between the count of samples and the clock is corrected
_LAYOUTS = {1: "mono", 2: "stereo", 4: "4.0", 6: "5.1", 8: "7.1"}  # by number of channels


class Microphone:
    """A recording device, opened by its constructor. Raises SourceError, with the reason for each device tried."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._container, self.name = _open()
        self.stream: AudioStream = self._container.streams.audio[0]
        context = self.stream.codec_context
        # Devices report the number of channels but no layout, which encoders need.
        context.layout = _LAYOUTS.get(context.channels, context.layout.name)

    def read_packets(self, start_time: Callable[[], float | None], stop: threading.Event) -> Iterator[Packet[Any]]:
        """Yield sound from the clock's `start_time()` on, in packets of 0.1 s, until `stop` is set.

        Sound that arrives while `start_time()` is None is discarded. Timestamps count samples; where samples were lost
        they jump to the clock, and sound that arrives faster than time passes is left out.
        Raises SourceError when the device is gone.
        """
        context = self.stream.codec_context
        rate, sample_bytes = context.sample_rate, context.channels * context.format.bytes
        chunk = bytearray()
        position: int | None = None  # the timestamp of the chunk's first sample, in samples
        for data in self._read_samples():
            if stop.is_set():
                break
            start = start_time()
            if start is None:
                continue
            clock_position = round((self._clock.now() - start) * rate) - len(data) // sample_bytes
            lag = clock_position - position - len(chunk) // sample_bytes if position is not None else 0
            if clock_position < 0 or lag < -MAX_DRIFT_SECONDS * rate:
                continue
            if position is None or lag > MAX_DRIFT_SECONDS * rate:
                if position is not None and chunk:
                    yield self._packet(chunk, position, rate)
                chunk, position = bytearray(), clock_position
            chunk += data
            if len(chunk) >= CHUNK_SECONDS * rate * sample_bytes:
                yield self._packet(chunk, position, rate)
                position += len(chunk) // sample_bytes
                chunk = bytearray()

    def close(self) -> None:
        """Release the device; only after `read_packets` has ended."""
        self._container.close()

    def _read_samples(self) -> Iterator[bytes]:
        """Yield raw samples as the device delivers them, channels interleaved."""
        try:
            for packet in self._container.demux(self.stream):
                if packet.size:
                    yield bytes(packet)
        except av.error.FFmpegError as error:
            raise SourceError(f"the microphone has stopped: {error.strerror or error}") from error

    def _packet(self, samples: bytearray, position: int, rate: int) -> Packet[Any]:
        packet: Packet[Any] = Packet(bytes(samples))
        packet.stream, packet.time_base = self.stream, Fraction(1, rate)
        packet.pts = packet.dts = position
        return packet


def _open() -> tuple[InputContainer, str]:
    """Open the first device that works; return it with its name."""
    problems = []
    for format, device in _list_devices():
        name = f"{format} {device}"
        try:
            with _suppress_native_stderr():
                container = av.open(device, format=format)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            problems.append(f"{name}: {getattr(error, 'strerror', None) or error}")
            continue
        if container.streams.audio:
            return container, name
        container.close()
        problems.append(f"{name}: gives no sound")
    raise SourceError(f"there is no microphone ({'; '.join(problems) or 'none is connected'})")


def _list_devices() -> list[tuple[str, str]]:
    """Return (FFmpeg input format, device) pairs, best first."""
    if sys.platform == "linux":
        _set_alsa_paths()
        devices = [("pulse", "default"), ("alsa", "default"), ("alsa", "sysdefault"), ("alsa", "plughw:0")]
        return [(format, device) for format, device in devices if format in av.formats_available]
    if sys.platform == "darwin":
        return [("avfoundation", ":default")]
    found = [device for device in av.enumerate_input_devices("dshow") if "audio" in device.media_types]
    return [("dshow", f"audio={device.name}") for device in found]


def _set_alsa_paths() -> None:
    """Point ALSA to the system's files: the libasound in PyAV's wheels looks for them where it was built."""
    system = Path("/usr/share/alsa/alsa.conf")
    if os.path.exists(system):
        os.environ.setdefault("ALSA_CONFIG_PATH", str(system))
    machine = platform.machine()
    for folder in (f"/usr/lib/{machine}-linux-gnu/alsa-lib", "/usr/lib64/alsa-lib", "/usr/lib/alsa-lib"):
        if os.path.isdir(Path(folder)):
            os.environ.setdefault("ALSA_PLUGIN_DIR", folder)
            return


@contextmanager
def _suppress_native_stderr() -> Iterator[None]:
    """Discard what libasound writes to stderr; the error has what matters."""
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
