"""Deinterlacing: two fields, taken one after the other, become one whole frame."""

from __future__ import annotations

import av
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


class Deinterlacer:
    """FFmpeg's bwdif filter: one frame out for each frame in, with the same timestamp; it delays by one frame."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._graph: Graph | None = None

    def feed(self, frames: list[VideoFrame], *, last: bool = False) -> list[VideoFrame]:
        """Pass frames into the filter and return those that are finished. last: no more will come, flush it."""
        finished: list[VideoFrame] = []
        for frame in frames:
            if self._graph is None:
                self._graph = self._build()
            self._graph.vpush(frame)
            finished += self._pull(self._graph)
        if last and self._graph is not None:
            self._graph.vpush(None)
            finished += self._pull(self._graph)
        return finished

    def _build(self) -> Graph:
        graph = Graph()
        source = graph.add_buffer(template=self._stream)
        bwdif = graph.add("bwdif", "mode=send_frame")
        graph.link_nodes(source, bwdif, graph.add("buffersink"))
        graph.configure()
        return graph

    def _pull(self, graph: Graph) -> list[VideoFrame]:
        finished: list[VideoFrame] = []
        while True:
            try:
                frame = graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return finished
            scale = (frame.time_base or 1) / (self._stream.time_base or 1)  # bwdif halves the time base
            if frame.pts is not None:
                frame.pts = round(frame.pts * scale)
            frame.duration = round(frame.duration * scale)
            frame.time_base = self._stream.time_base
            finished.append(frame)
