"""Tags of films: they are in the output, or they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.video_files import AUDIO_INPUT, H264, VIDEO_INPUT, make_media, probe, process_file

FILM_TAGS = {
    "title": "A film", "make": "Canon", "model": "R5", "rating": "5", "description": "Of a cat", "keywords": "cat",
    "DIRECTOR": "Ada", "software": "Editor", "com.apple.quicktime.make": "Apple",
}  # fmt: skip
CREATED = "2020-01-02T03:04:05.000000Z"


def make_tagged(path: Path, *stream_tags: str) -> Path:
    film_tags = [part for key, value in FILM_TAGS.items() for part in ("-metadata", f"{key}={value}")]
    moment = ("-metadata", f"creation_time={CREATED}")
    own_keys = ("-movflags", "use_metadata_tags") if path.suffix in (".mov", ".mp4") else ()
    sound = (*AUDIO_INPUT, "-c:a", "aac")
    return make_media(path, *VIDEO_INPUT, *sound, *H264, *film_tags, *moment, *own_keys, *stream_tags)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("before", ["mov", "mkv"])
def test_every_tag_of_a_film_is_kept(tmp_path: Path, before: str, suffix: str) -> None:
    source = make_tagged(tmp_path / f"in.{before}", "-metadata:s:v", "title=Main picture")
    result = process_file(source, tmp_path / f"o.{suffix}", frames=3, crf=40)
    found = probe(tmp_path / f"o.{suffix}")["format"]["tags"]
    lower = {key.lower(): value for key, value in found.items()}
    assert {key: lower.get(key.lower()) for key in FILM_TAGS} == FILM_TAGS
    assert lower["creation_time"] == CREATED
    assert not any("tags" in note for note in result.notes)


def test_plain_tags_are_written_where_every_player_finds_them(tmp_path: Path) -> None:
    source = make_media(tmp_path / "in.mkv", *VIDEO_INPUT, *H264, "-metadata", "title=A film")
    process_file(source, tmp_path / "o.mp4", frames=3)
    assert b"\xa9nam" in (tmp_path / "o.mp4").read_bytes()


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_tags_of_streams_that_the_container_does_not_take_are_named(tmp_path: Path, suffix: str) -> None:
    stream_tags = ("-metadata:s:v", "comment=Front lens", "-metadata:s:a", "artist=Ada L.", "-metadata:s:v", "title=T")
    source = make_tagged(tmp_path / "in.mkv", *stream_tags)
    result = process_file(source, tmp_path / f"o.{suffix}", frames=3)
    assert [note for note in result.notes if "tags" in note] == [
        "tags that the container does not keep: COMMENT of the picture, ARTIST of track 1"
    ]
