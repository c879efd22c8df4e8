"""A page's own camera, over WebRTC: its pictures become the source, the painted ones go back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from realtime.errors import UsageError
from realtime.sources.base import Source
from realtime.sources.browser_camera import BrowserCamera
from realtime.sources.reconnect import ReconnectingSource
from realtime.web.broadcast import Broadcaster

if TYPE_CHECKING:
    from aiortc import MediaStreamTrack, RTCPeerConnection

CLOCK = 90_000  # ticks a second, of video in RTP
# bits a second, where aiortc has 0.5 and 1.5 million: strokes need more than faces in front of a wall.
BITRATE, MOST = 3_000_000, 8_000_000


class Senders:
    """The page that sends its camera, one at a time: the newest. All methods run on the server's loop.

    source: what is switched to the page's camera, and back when it stops.
    """

    def __init__(self, source: ReconnectingSource, camera: BrowserCamera, hub: Broadcaster) -> None:
        self.sender = ""  # the page's own name for itself
        self._source, self._camera, self._hub = source, camera, hub
        self._peer: RTCPeerConnection | None = None
        self._handing_over = asyncio.Lock()  # two pages may want to send at once
        self._before: Callable[[], Source] | None = None  # opens what was painted before

    async def answer(self, offer: object) -> dict[str, str]:
        """Take over from whoever sends now. offer: {"id", "type", "sdp"}. Raises UsageError where it is none."""
        fields = offer if isinstance(offer, dict) else {}
        name, kind, sdp = (fields.get(key) for key in ("id", "type", "sdp"))
        if not (isinstance(name, str) and 0 < len(name) <= 64 and kind == "offer" and isinstance(sdp, str)):
            raise UsageError('expected {"id": NAME, "type": "offer", "sdp": SDP}')
        aiortc = await asyncio.to_thread(_aiortc)
        # No server is asked for our address: both sides are on one machine or in one network.
        peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        arrived: list[MediaStreamTrack] = []
        peer.on("track", arrived.append)
        try:
            await peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp, "offer"))
            videos = [track for track in arrived if track.kind == "video"]
            if not videos:
                raise UsageError("the offer has no video")
            peer.addTrack(_painted(self._hub))
            await peer.setLocalDescription(await peer.createAnswer())
        except Exception as error:  # aiortc's parser raises what it likes
            await peer.close()
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"the offer cannot be answered: {type(error).__name__}: {error}") from error
        async with self._handing_over:
            await self._hang_up()
            self.sender, self._peer = name, peer
            self._hub.viewers += 1
            self._begin()
        receiving = asyncio.create_task(_receive(videos[0], self._camera))

        async def changed() -> None:
            if peer.connectionState in ("failed", "closed"):
                receiving.cancel()
                if self._peer is peer:
                    await self._hang_up()
                    self._end()

        peer.on("connectionstatechange", changed)
        answer = peer.localDescription
        return {"type": answer.type, "sdp": answer.sdp}

    async def stop(self, request: object) -> None:
        """That page sends no more. request: {"id"}; of another one than the sender it is too late."""
        if isinstance(request, dict) and request.get("id") == self.sender and self._peer is not None:
            await self._hang_up()
            self._end()

    async def close(self) -> None:
        """The program ends."""
        await self._hang_up()

    def _begin(self) -> None:
        if self._source.opener != self._camera.open:
            self._before = self._source.opener
            self._source.switch(self._camera.open)

    def _end(self) -> None:
        before, self._before = self._before, None
        if before is not None and self._source.opener == self._camera.open:  # nobody has chosen another since
            self._source.switch(before)
            self._camera.disconnect()

    async def _hang_up(self) -> None:
        peer, self._peer, self.sender = self._peer, None, ""
        if peer is not None:
            self._hub.viewers -= 1
            await peer.close()


def _aiortc() -> Any:
    import aiortc
    from aiortc.codecs import h264, vpx

    codecs: tuple[Any, ...] = (h264, vpx)
    for codec in codecs:
        codec.DEFAULT_BITRATE, codec.MAX_BITRATE = BITRATE, MOST
    return aiortc


async def _receive(track: MediaStreamTrack, camera: BrowserCamera) -> None:
    from aiortc.mediastreams import MediaStreamError
    from av import VideoFrame

    with contextlib.suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            if isinstance(frame, VideoFrame):
                camera.put(frame, time.perf_counter())


def _painted(hub: Broadcaster) -> MediaStreamTrack:
    """The pictures as shown, as a track."""
    from aiortc import MediaStreamTrack
    from aiortc.mediastreams import MediaStreamError
    from av import VideoFrame

    class StylizedFrame(MediaStreamTrack):
        kind = "video"

        def __init__(self) -> None:
            super().__init__()
            self._last, self._began = 0, time.perf_counter()

        async def recv(self) -> VideoFrame:
            while not hub.closed and not await hub.newer(self._last) and hub.image is None:
                pass
            if self.readyState != "live" or hub.closed or hub.image is None:
                raise MediaStreamError
            self._last, image = hub.number, hub.image
            height, width = (side // 2 * 2 for side in image.shape[:2])
            frame = VideoFrame.from_ndarray(image[:height, :width].copy(), format="bgr24")
            frame.pts = round((time.perf_counter() - self._began) * CLOCK)
            frame.time_base = Fraction(1, CLOCK)
            return frame

    return StylizedFrame()
