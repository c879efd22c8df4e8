"""The readers of files, each with valid samples. `READERS` has those of sockets, too."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import cv2
import numpy as np

from realtime.testing import numbered_image
from tests.fuzz.network_readers import MjpegReader, PageReader
from tests.fuzz.reader import ERRORS, SIZE, Reader


class TrackReader(Reader):
    """Style tracks."""

    def prepare(self) -> None:
        from realtime.stylizer.library import load_library
        from realtime.stylizer.look import parse_look

        self.library = load_library()
        self.look = parse_look(None, self.library)
        self.samples = [
            b"# comment\n0:00 starry_night\n0:05 the_scream --fade 2\n1:02.5 great_wave:2,udnie --strength 0.8\n",
            b"\xef\xbb\xbf12.5 'the scream' --keep-colors --stroke 2\n1:00:00 --smooth 0.25 # end\n",
        ]

    def read(self, data: bytes) -> None:
        from realtime.stylizer.style_track import read_style_track

        track = read_style_track(self.file("track.txt", data), self.library, self.look)
        for seconds in (0.0, 1.0, 5.5, 100.0, 1e9):
            track.cue_at(seconds)
            assert 0 <= track.at(seconds).strength <= 1


class ConfigReader(Reader):
    """The config file, kept looks and the config of a training run, all of them TOML."""

    def prepare(self) -> None:
        from realtime.stylizer.library import load_library

        self.library = load_library()
        self.samples = [
            b'style = "starry_night"\nstrength = 0.8\nsize = "auto"\nfps = 30\nmirror = true\ntour = 5.0\n'
            b'snapshots = "~/pictures"\nserve = "127.0.0.1:8010"\nprovider = "cpu"\n# comment\n',
            b'[F1]\nstyle = "great_wave:2,udnie"\nstrength = 1\n[F2]\nsmooth = 0.5\nstroke = 2.0\n',
            b'[network]\nchannels = 16\n[schedule]\nphotos = 100\nbatch = 2\ncrop = 64\n[[painting]]\nname = "a"\n'
            b'file = "a.jpg"\n',
        ]

    def read(self, data: bytes) -> None:
        from realtime.cli.checks import address_of, check_live, check_ranges, height_of
        from realtime.cli.config import parse
        from realtime.stylizer.presets import Presets
        from realtime.system.toml_file import TomlFile
        from training.config import read_config

        path = self.file("config.toml", data)
        file = TomlFile(path)

        def read_options() -> None:
            arguments, config = parse(["--config", str(path)])
            for check in (check_ranges, height_of, address_of, check_live):
                check(arguments)
            config.file.write({"strength": 0.5, "style": None})
            assert TomlFile(path).table["strength"] == 0.5

        refusals: list[Exception] = []
        steps: list[Callable[[], object]] = [partial(read_config, path)]
        steps += (partial(Presets(path).load, key, self.library) for key in file.table)
        steps = [*steps[:4], read_options]  # the last one changes the file
        for step in steps:
            try:
                step()
            except ERRORS as error:
                refusals.append(error)
        if len(refusals) == len(steps):
            raise refusals[0]


class ModelReader(Reader):
    """Model files, which run once after reading."""

    def prepare(self) -> None:
        from realtime.system.paths import shipped_folder
        from tests.inference.test_model import small_model

        small = small_model().SerializeToString()
        self.samples = [small] * 4 + [(shipped_folder() / "live.onnx").read_bytes()]
        self.frame = np.zeros((32, 48, 3), np.uint8)

    def read(self, data: bytes) -> None:
        from realtime.inference.model import read_model
        from realtime.stylizer.library import Library
        from realtime.stylizer.stylizer import Stylizer

        model = read_model(self.file("own.onnx", data))
        with Stylizer(library=Library([model]), provider="cpu") as stylizer:
            assert stylizer.stylize(self.frame).shape == self.frame.shape


class CheckpointReader(Reader):
    """Checkpoints of both kinds, in both formats of torch.save."""

    def prepare(self) -> None:
        import torch

        from training.checkpoint import Checkpoint
        from training.network import Architecture, StyleNetwork

        torch.set_num_threads(1)
        path = self.folder / "new.pt"
        network = StyleNetwork(2, Architecture(channels=8, blocks=1))
        checkpoint = Checkpoint(network, ["a", "b"], 7, 1.5)
        checkpoint.save(path)
        legacy = io.BytesIO()
        content = torch.load(path, weights_only=True)
        assert content["architecture"] == asdict(network.architecture)
        torch.save(content, legacy, _use_new_zipfile_serialization=False)
        self.samples = [path.read_bytes(), legacy.getvalue()]

    def read(self, data: bytes) -> None:
        from export.checkpoints import load_exportable
        from training.checkpoint import load_checkpoint

        path = self.file("own.pt", data)
        load_checkpoint(path)
        load_exportable(path, None)

    def repair(self, data: bytes) -> bytes:
        """Write the zip file anew around the pickle, which is found by its beginning and its end."""
        found = re.search(rb"\x80\x02.*?\.PK", data, re.DOTALL)
        if found is None:
            return data
        result = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(self.samples[0])) as old, zipfile.ZipFile(result, "w") as new:
            for entry in old.infolist():
                is_pickle = entry.filename.endswith("/data.pkl")
                new.writestr(entry.filename, found[0][:-2] if is_pickle else old.read(entry))
        return result.getvalue()


class PictureReader(Reader):
    """Pictures of every kind, which are written as PNG and JPEG again."""

    def prepare(self) -> None:
        image = numbered_image(7, SIZE)
        rgba = np.dstack([image, image[..., 0]])
        exif = b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
        metadata = ([cv2.IMAGE_METADATA_EXIF], [np.frombuffer(exif, np.uint8)])
        self.samples = [
            cv2.imencodeWithMetadata(".jpg", image, *metadata)[1].tobytes(),
            cv2.imencodeWithMetadata(".png", rgba, *metadata)[1].tobytes(),
            *(
                cv2.imencode(suffix, image)[1].tobytes()
                for suffix in (".webp", ".tiff", ".bmp", ".ppm", ".jp2", ".hdr")
            ),
            *(self._animation(suffix, image) for suffix in (".gif", ".webp", ".png")),
        ]

    def _animation(self, suffix: str, image: np.typing.NDArray[np.uint8]) -> bytes:
        animation = cv2.Animation()
        animation.frames, animation.durations = [image, image[::-1].copy()], [100, 200]
        path = self.folder / f"animation{suffix}"
        assert cv2.imwriteanimation(str(path), animation)
        return path.read_bytes()

    def read(self, data: bytes) -> None:
        from realtime.batch.jobs import Job
        from realtime.batch.process import BatchOptions, process_image
        from realtime.sinks.output_file import OutputFile, lock_output
        from tests.video_files import copy_frame

        source = self.file("in.png", data)
        for name in ("out.png", "out.jpg"):
            job = Job(source, self.folder / name)
            lock = lock_output(job.output)
            output = OutputFile(job.output, sources=[source], overwrite=True, lock=lock)
            try:
                process_image(job, output, copy_frame, BatchOptions())
            finally:
                output.drop_if_empty()
                lock.release()

    def repair(self, data: bytes) -> bytes:
        """Correct the checksums of a PNG's chunks."""
        result, position = bytearray(data), 8
        while data.startswith(b"\x89PNG") and position + 12 <= len(data):
            (length,) = struct.unpack_from(">I", data, position)
            end = position + 8 + length
            if end + 4 > len(data):
                break
            struct.pack_into(">I", result, end, zlib.crc32(data[position + 4 : end]))
            position = end + 4
        return bytes(result)


class FilmReader(Reader):
    """Films in several containers with sound, which are written as MP4 or Matroska again."""

    def prepare(self) -> None:
        from tests.video_files import ffmpeg

        video = ("-f", "lavfi", "-i", "testsrc=s=48x32:r=10:d=1")
        sound = ("-f", "lavfi", "-i", "sine=r=8000:d=1")
        kinds = {
            "mp4": ("-c:v", "libx264", "-c:a", "aac"),
            "mkv": ("-c:v", "mpeg4", "-c:a", "pcm_s16le"),
            "ts": ("-c:v", "libx264", "-c:a", "mp2"),
            "avi": ("-c:v", "mjpeg", "-c:a", "pcm_s16le"),
        }
        self.samples, self.number = [], 0
        for suffix, codecs in kinds.items():
            path = self.folder / f"sample.{suffix}"
            ffmpeg(*video, *sound, *codecs, "-pix_fmt", "yuvj420p" if suffix == "avi" else "yuv420p", path)
            self.samples.append(path.read_bytes())

    def read(self, data: bytes) -> None:
        from realtime.batch.jobs import Job
        from realtime.batch.process import BatchOptions, process_video
        from realtime.sinks.output_file import OutputFile, lock_output
        from tests.video_files import copy_frame

        self.number += 1
        source = self.file("in.mkv", data)
        job = Job(source, self.folder / f"out.{('mp4', 'mkv')[self.number % 2]}")
        lock = lock_output(job.output)
        output = OutputFile(job.output, sources=[source], overwrite=True, lock=lock)
        try:
            result = process_video(job, output, copy_frame, BatchOptions(preset="ultrafast", crf=30))
        finally:
            output.drop_if_empty()
            lock.release()
        assert job.output.exists() and result.frames > 0


READERS: dict[str, type[Reader]] = {
    "track": TrackReader,
    "config": ConfigReader,
    "model": ModelReader,
    "checkpoint": CheckpointReader,
    "picture": PictureReader,
    "film": FilmReader,
    "mjpeg": MjpegReader,
    "page": PageReader,
}
