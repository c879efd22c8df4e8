"""Reading the packets of a network stream in a thread of its own, so that a wait for them can end at any time."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

MAX_PACKETS = 2048  # read ahead of the decoder: a minute of most films
MAX_BYTES = 32 << 20
POLL_SECONDS = 0.1


class PacketReader:
    """Reads the packets of a container ahead. A full buffer makes the sender wait.

    The container is closed by its thread, since closing it while a read waits in FFmpeg would free memory in use; so
    the thread of a connection that hangs ends when FFmpeg's own timeout does.
    """

    def __init__(self, container: InputContainer) -> None:
        self._container = container
        self._packets: deque[Packet[Any]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = self._finished = False
        self._error: av.error.FFmpegError | None = None
        threading.Thread(target=self._read, name="stream", daemon=True).start()

    def take(self, seconds: float) -> Packet[Any] | None:
        """Return the next packet, or None if none comes in time.

        Raises EOFError after the last packet, and FFmpeg's error if reading has failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._packets or self._finished, seconds)
            if self._packets:
                packet = self._packets.popleft()
                self._bytes -= packet.size
                self._changed.notify_all()
                return packet
            if self._error is not None:
                raise self._error
            if self._finished:
                raise EOFError
            return None

    def close(self) -> None:
        """Stop reading, and close the container as soon as FFmpeg returns."""
        with self._changed:
            self._closed = True
            self._packets.clear()
            self._changed.notify_all()
            if self._finished:
                self._container.close()

    def _read(self) -> None:
        error = None
        try:
            for packet in self._container.demux():
                with self._changed:
                    while self._is_full and not self._closed:
                        self._changed.wait(POLL_SECONDS)
                    if self._closed:
                        break
                    self._packets.append(packet)
                    self._bytes += packet.size
                    self._changed.notify_all()
        except av.error.FFmpegError as caught:
            error = caught
        with self._changed:
            self._error, self._finished = error, True
            self._changed.notify_all()
            if self._closed:
                self._container.close()

    @property
    def _is_full(self) -> bool:
        return len(self._packets) >= MAX_PACKETS or self._bytes >= MAX_BYTES
