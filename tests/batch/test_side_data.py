"""What the pictures of films carry beside their pixels: kept, or named."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.video_files import H264, VIDEO_INPUT, ffmpeg, make_media, process_file

CAPTION = bytes.fromhex("0000000106040eb500314741393403") + bytes.fromhex("41fffc942cff80")  # H.264 SEI, CEA-608
SPHERICAL = bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + (
    b"<rdf:SphericalVideo><GSpherical:Spherical>true</GSpherical:Spherical><GSpherical:Stitched>true"
    b"</GSpherical:Stitched><GSpherical:StitchingSoftware>x</GSpherical:StitchingSoftware><GSpherical:ProjectionType>"
    b"equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"
)


def make_captioned(folder: Path) -> Path:
    raw = make_media(folder / "raw.h264", *VIDEO_INPUT, *H264, "-x264-params", "slices=1:aud=0").read_bytes()
    with_captions = re.sub(rb"\0\0\0?\x01(?=[\x65\x41\x61\x01\x25])", lambda found: CAPTION + found[0], raw)
    assert with_captions != raw
    (folder / "raw.h264").write_bytes(with_captions)
    ffmpeg("-r", "10", "-i", folder / "raw.h264", "-c", "copy", folder / "in.mp4")
    return folder / "in.mp4"


def make_spherical(folder: Path) -> Path:
    """Write a film with the box that cameras for 360° put into the track; the index follows the pictures."""
    data = bytearray(make_media(folder / "in.mp4", *VIDEO_INPUT, *H264).read_bytes())
    box = struct.pack(">I", 8 + len(SPHERICAL)) + b"uuid" + SPHERICAL
    track = data.index(b"trak") - 4
    (track_size,) = struct.unpack_from(">I", data, track)
    for place in (track, data.index(b"moov") - 4):
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + len(box))
    data[track + track_size : track + track_size] = box
    (folder / "in.mp4").write_bytes(data)
    return folder / "in.mp4"


def make_stereo(folder: Path) -> Path:
    return make_media(folder / "in.mkv", *VIDEO_INPUT, *H264, "-metadata:s:v", "stereo_mode=left_right")


@pytest.mark.parametrize(
    ("make", "suffix", "name"),
    [
        (make_captioned, "mkv", "closed captions"), (make_spherical, "mp4", "360° projection"),
        (make_stereo, "mp4", "stereo layout"), (make_stereo, "mkv", None),
    ],
)  # fmt: skip
def test_what_pictures_carry_is_kept_or_named(
    tmp_path: Path, make: Callable[[Path], Path], suffix: str, name: str | None
) -> None:
    result = process_file(make(tmp_path), tmp_path / f"o.{suffix}", frames=4)
    found = [note for note in result.notes if "left out of the pictures" in note]
    assert found == ([f"left out of the pictures: {name}"] if name else [])


def test_transparency_of_hevc_is_named(tmp_path: Path) -> None:
    source = make_media(tmp_path / "in.mp4", *VIDEO_INPUT, "-c:v", "libx265", "-x265-params", "log-level=0")
    data = source.read_bytes()
    information = bytes.fromhex("4e01a50700")  # the head of what Apple's encoder puts into the configuration
    place = data.index(b"\x4e\x01\x05", data.index(b"hvcC"))  # x265 puts a text there
    source.write_bytes(data[:place] + information + data[place + len(information) :])
    result = process_file(source, tmp_path / "o.mp4", frames=2)
    assert sum("transparency is lost" in note for note in result.notes) == 1
