"""A browser's camera over WebRTC: its frames become the source, stylized frames go back."""

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

VIDEO_CLOCK = 90_000  # ticks a second, of video in RTP
# Bits a second; aiortc's defaults are 0.5 and 1.5 million, but brush strokes have more detail than a face.
START_BITRATE, MAX_BITRATE = 3_000_000, 8_000_000
MAX_ID_LENGTH = 64


class CameraReceiver:
    """Receives the camera of one page at a time, the newest that sends. All methods run on the server's event loop.

    source: switched to the page's camera, and back when the page stops. sender: the id of the page that sends, or "".
    """

    def __init__(self, source: ReconnectingSource, camera: BrowserCamera, broadcaster: Broadcaster) -> None:
        self.sender = ""
        self._source, self._camera, self._broadcaster = source, camera, broadcaster
        self._peer: RTCPeerConnection | None = None
        self._replacing = asyncio.Lock()  # two pages may start to send at the same time
        self._previous_opener: Callable[[], Source] | None = None  # opens the source in use before

    async def answer(self, offer: object) -> dict[str, str]:
        """Return the answer to an offer, {"id", "type", "sdp"}, and receive from that page from now on.

        Raises UsageError.
        """
        fields = offer if isinstance(offer, dict) else {}
        sender, kind, sdp = (fields.get(key) for key in ("id", "type", "sdp"))
        is_id = isinstance(sender, str) and 0 < len(sender) <= MAX_ID_LENGTH
        if not (is_id and kind == "offer" and isinstance(sdp, str)):
            raise UsageError('expected {"id": NAME, "type": "offer", "sdp": SDP}')
        aiortc = await asyncio.to_thread(_load_aiortc)
        # Without ICE servers: both sides are on one machine or in one network.
        peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        tracks: list[MediaStreamTrack] = []
        peer.on("track", tracks.append)
        try:
            await peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp, "offer"))
            videos = [track for track in tracks if track.kind == "video"]
            if not videos:
                raise UsageError("the offer has no video")
            peer.addTrack(_stylized_track(self._broadcaster))
            await peer.setLocalDescription(await peer.createAnswer())
        except Exception as error:  # aiortc's parser raises errors of many kinds
            await peer.close()
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"the offer cannot be answered: {type(error).__name__}: {error}") from error
        async with self._replacing:
            await self._disconnect()
            self.sender, self._peer = str(sender), peer
            self._broadcaster.viewers += 1
            self._switch_to_camera()
        receiving = asyncio.create_task(_receive(videos[0], self._camera))

        async def on_state_change() -> None:
            if peer.connectionState in ("failed", "closed"):
                receiving.cancel()
                if self._peer is peer:
                    await self._disconnect()
                    self._switch_back()

        peer.on("connectionstatechange", on_state_change)
        answer = peer.localDescription
        return {"type": answer.type, "sdp": answer.sdp}

    async def stop(self, request: object) -> None:
        """Stop receiving from a page. request: {"id"} of that page; a page that is not the sender is ignored."""
        if isinstance(request, dict) and request.get("id") == self.sender and self._peer is not None:
            await self._disconnect()
            self._switch_back()

    async def close(self) -> None:
        """Disconnect, at the end of the program."""
        await self._disconnect()

    def _switch_to_camera(self) -> None:
        if self._source.opener != self._camera.open:
            self._previous_opener = self._source.opener
            self._source.switch(self._camera.open)

    def _switch_back(self) -> None:
        previous, self._previous_opener = self._previous_opener, None
        if previous is not None and self._source.opener == self._camera.open:  # the user has not switched since
            self._source.switch(previous)
            self._camera.disconnect()

    async def _disconnect(self) -> None:
        peer, self._peer, self.sender = self._peer, None, ""
        if peer is not None:
            self._broadcaster.viewers -= 1
            await peer.close()


def _load_aiortc() -> Any:
    import aiortc
    from aiortc.codecs import h264, vpx

    codecs: tuple[Any, ...] = (h264, vpx)
    for codec in codecs:
        codec.DEFAULT_BITRATE, codec.MAX_BITRATE = START_BITRATE, MAX_BITRATE
    return aiortc


async def _receive(track: MediaStreamTrack, camera: BrowserCamera) -> None:
    from aiortc.mediastreams import MediaStreamError
    from av import VideoFrame

    with contextlib.suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            if isinstance(frame, VideoFrame):
                camera.put(frame, time.perf_counter())


def _stylized_track(broadcaster: Broadcaster) -> MediaStreamTrack:
    """Return a track of the pictures shown."""
    from aiortc import MediaStreamTrack
    from aiortc.mediastreams import MediaStreamError
    from av import VideoFrame

    class StylizedTrack(MediaStreamTrack):
        kind = "video"

        def __init__(self) -> None:
            super().__init__()
            self._last, self._started = 0, time.perf_counter()

        async def recv(self) -> VideoFrame:
            while not broadcaster.closed and not await broadcaster.wait_newer(self._last) and broadcaster.image is None:
                pass
            if self.readyState != "live" or broadcaster.closed or broadcaster.image is None:
                raise MediaStreamError
            self._last, image = broadcaster.number, broadcaster.image
            height, width = (side // 2 * 2 for side in image.shape[:2])
            frame = VideoFrame.from_ndarray(image[:height, :width].copy(), format="bgr24")
            frame.pts = round((time.perf_counter() - self._started) * VIDEO_CLOCK)
            frame.time_base = Fraction(1, VIDEO_CLOCK)
            return frame

    return StylizedTrack()
