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

CHUNK = 0.1  # s of sound handed on at a time
_LAYOUTS = {1: "mono", 2: "stereo", 4: "4.0", 6: "5.1", 8: "7.1"}
DRIFT = 0.1  # s that the count of samples may be off the clock before it is set right


class Microphone:
    """A device, opened by its constructor. Raises SourceError, with the reason of each way tried."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._container, self.name = _open()
        self.stream: AudioStream = self._container.streams.audio[0]
        context = self.stream.codec_context
        # Devices say how many channels they have, not which; encoders want to know.
        context.layout = _LAYOUTS.get(context.channels, context.layout.name)

    def chunks(self, zero: Callable[[], float | None], stop: threading.Event) -> Iterator[Packet[Any]]:
        """Sound from the moment `zero()` of the clock on, a tenth of a second at a time, until `stop`.

        What comes while `zero()` is None is thrown away. Times count samples; where samples were lost they jump to
        what the clock says, and sound that comes faster than time is left out. Raises SourceError when it is gone.
        """
        context = self.stream.codec_context
        rate, width = context.sample_rate, context.channels * context.format.bytes
        chunk = bytearray()
        start: int | None = None  # where it belongs, in samples
        for data in self._data():
            if stop.is_set():
                break
            begin = zero()
            if begin is None:
                continue
            clock = round((self._clock.now() - begin) * rate) - len(data) // width
            late = clock - start - len(chunk) // width if start is not None else 0
            if clock < 0 or late < -DRIFT * rate:
                continue
            if start is None or late > DRIFT * rate:
                if start is not None and chunk:
                    yield self._packet(chunk, start, rate)
                chunk, start = bytearray(), clock
            chunk += data
            if len(chunk) >= CHUNK * rate * width:
                yield self._packet(chunk, start, rate)
                start += len(chunk) // width
                chunk = bytearray()

    def close(self) -> None:
        """Give it back; only when nobody reads any more."""
        self._container.close()

    def _data(self) -> Iterator[bytes]:
        """Samples as the device has them, interleaved."""
        try:
            for packet in self._container.demux(self.stream):
                if packet.size:
                    yield bytes(packet)
        except av.error.FFmpegError as error:
            raise SourceError(f"the microphone has stopped: {error.strerror or error}") from error

    def _packet(self, samples: bytearray, start: int, rate: int) -> Packet[Any]:
        packet: Packet[Any] = Packet(bytes(samples))
        packet.stream, packet.time_base = self.stream, Fraction(1, rate)
        packet.pts = packet.dts = start
        return packet


def _open() -> tuple[InputContainer, str]:
    """The first way that works, and what it is called."""
    reasons = []
    for format, device in _ways():
        try:
            with _quiet():
                container = av.open(device, format=format)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            reasons.append(f"{format} {device}: {getattr(error, 'strerror', None) or error}")
            continue
        if container.streams.audio:
            return container, f"{format} {device}"
        container.close()
        reasons.append(f"{format} {device}: gives no sound")
    raise SourceError(f"there is no microphone ({'; '.join(reasons) or 'none is connected'})")


def _ways() -> list[tuple[str, str]]:
    """FFmpeg's formats and their devices, best first."""
    if sys.platform == "linux":
        _show_alsa_its_files()
        ways = [("pulse", "default"), ("alsa", "default"), ("alsa", "sysdefault"), ("alsa", "plughw:0")]
        return [way for way in ways if way[0] in av.formats_available]
    if sys.platform == "darwin":
        return [("avfoundation", ":default")]
    found = [d for d in av.enumerate_input_devices("dshow") if "audio" in d.media_types]
    return [("dshow", f"audio={device.name}") for device in found]


def _show_alsa_its_files() -> None:
    """PyAV's wheels bring a libasound that looks for them where it was built."""
    system = Path("/usr/share/alsa/alsa.conf")
    if system.exists():
        os.environ.setdefault("ALSA_CONFIG_PATH", str(system))
    machine = platform.machine()
    for folder in (f"/usr/lib/{machine}-linux-gnu/alsa-lib", "/usr/lib64/alsa-lib", "/usr/lib/alsa-lib"):
        if Path(folder).is_dir():
            os.environ.setdefault("ALSA_PLUGIN_DIR", folder)
            return


@contextmanager
def _quiet() -> Iterator[None]:
    """Libasound writes its own lines to stderr, and what matters of them is in the error."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
