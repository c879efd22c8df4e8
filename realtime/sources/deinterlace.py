"""Two half pictures taken one after the other become one whole picture."""

from __future__ import annotations

import av
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


class Deinterlacer:
    """FFmpeg's bwdif: as many pictures out as in, at their times; one picture late."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._graph: Graph | None = None

    def feed(self, pictures: list[VideoFrame], *, last: bool = False) -> list[VideoFrame]:
        """Put some in, take what is finished out; last: nothing more will come."""
        done: list[VideoFrame] = []
        for picture in pictures:
            if self._graph is None:
                self._graph = self._build()
            self._graph.vpush(picture)
            done += self._pull()
        if last and self._graph is not None:
            self._graph.vpush(None)
            done += self._pull()
        return done

    def _build(self) -> Graph:
        graph = Graph()
        source = graph.add_buffer(template=self._stream)
        filter = graph.add("bwdif", "mode=send_frame")
        graph.link_nodes(source, filter, graph.add("buffersink"))
        graph.configure()
        return graph

    def _pull(self) -> list[VideoFrame]:
        done: list[VideoFrame] = []
        assert self._graph is not None
        while True:
            try:
                picture = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return done
            scale = (picture.time_base or 1) / (self._stream.time_base or 1)  # bwdif halves the time base
            if picture.pts is not None:
                picture.pts = round(picture.pts * scale)
            picture.duration = round(picture.duration * scale)
            picture.time_base = self._stream.time_base
            done.append(picture)
