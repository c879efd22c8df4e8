"""Videos through the whole batch pipeline: no frame, time, track or orientation is lost."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.errors import SourceError, UsageError
from tests.awkward_videos import make_rotated
from tests.video_files import (
    AUDIO_INPUT,
    H264,
    VIDEO_INPUT,
    audio_md5,
    decode_frames,
    duration,
    ffmpeg,
    first_sound_time,
    make_media,
    max_difference,
    packet_times,
    probe,
    process_file,
    streams,
)

VFR = ("-vf", "select='not(between(n,2,4))*not(between(n,6,6))'", "-fps_mode", "vfr")


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_every_frame_is_written_with_its_time(tmp_path: Path, suffix: str) -> None:
    source = make_media(tmp_path / "in.mp4", *VIDEO_INPUT, *H264, "-bf", "2")
    output = tmp_path / f"out.{suffix}"
    result = process_file(source, output)
    assert (result.frames, result.notes, result.losses) == (10, [], [])
    assert packet_times(output) == pytest.approx(packet_times(source), abs=0.0006)
    assert max_difference(decode_frames(source, 64, 48), decode_frames(output, 64, 48)) < 3
    assert duration(output) == pytest.approx(duration(source), abs=0.002)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_last_frames_are_shown_for_every_number_of_frames(tmp_path: Path, codec: str) -> None:
    for count in (1, 2, 11, 13, 21, 33):
        source = make_media(tmp_path / "in.mp4", "-f", "lavfi", "-i", f"testsrc=s=64x48:r=10:d={count / 10}", *H264)
        output = tmp_path / f"{count}.mp4"
        process_file(source, output, codec=codec, preset="veryfast")
        assert len(decode_frames(output, 64, 48)) == count
        assert duration(output) == pytest.approx(count / 10, abs=0.002)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_variable_frame_rate_is_kept(tmp_path: Path, suffix: str) -> None:
    source = make_media(tmp_path / "in.mp4", *VIDEO_INPUT, *VFR, *H264, "-bf", "2")
    output = tmp_path / f"out.{suffix}"
    process_file(source, output)
    assert packet_times(source) == pytest.approx([0, 0.1, 0.5, 0.7, 0.8, 0.9])
    assert packet_times(output) == pytest.approx(packet_times(source), abs=1e-6)
    assert max_difference(decode_frames(source, 64, 48), decode_frames(output, 64, 48)) < 3
    assert duration(output) == pytest.approx(duration(source), abs=0.002)


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_avi_frames_are_shown_in_order_at_even_times(tmp_path: Path, codec: str) -> None:
    video_input = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1", "-pix_fmt", "yuv420p")
    source = make_media(tmp_path / "in.avi", *video_input, "-c:v", codec, "-bf", "2", "-q:v", "2")
    result = process_file(source, tmp_path / "out.mp4")
    assert (result.frames, result.notes, result.losses) == (10, [], [])
    shown = packet_times(tmp_path / "out.mp4")
    assert [t - shown[0] for t in shown] == pytest.approx([n / 10 for n in range(10)])
    assert shown[0] <= 0.1
    assert max_difference(decode_frames(source, 64, 48), decode_frames(tmp_path / "out.mp4", 64, 48)) < 3


@pytest.mark.parametrize("codec", ["hevc", "av1", "vp9"])
def test_codec_is_used_and_times_are_kept(tmp_path: Path, codec: str) -> None:
    source = make_media(tmp_path / "in.mp4")
    result = process_file(source, tmp_path / "out.mp4", codec=codec, crf=10, preset="ultrafast")
    (video,) = streams(tmp_path / "out.mp4", "video")
    assert (video["codec_name"], video["width"], video["nb_frames"], result.frames) == (codec, 64, "10", 10)
    assert packet_times(tmp_path / "out.mp4") == pytest.approx(packet_times(source), abs=1e-6)


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("flip", [False, True])
def test_rotated_video_is_set_upright(tmp_path: Path, degrees: int, flip: bool) -> None:
    source = make_rotated(tmp_path / "in.mp4", degrees, flip)
    size = (48, 64) if degrees % 180 else (64, 48)
    process_file(source, tmp_path / "out.mp4")
    (video,) = streams(tmp_path / "out.mp4", "video")
    assert (video["width"], video["height"], video.get("side_data_list")) == (*size, None)
    assert max_difference(decode_frames(source, *size), decode_frames(tmp_path / "out.mp4", *size)) < 4


def test_pixel_aspect_ratio_is_kept_or_noted(tmp_path: Path) -> None:
    flat = make_media(tmp_path / "flat.mp4", *VIDEO_INPUT, "-vf", "setsar=4/3", *H264)
    process_file(flat, tmp_path / "flat_out.mp4")
    assert streams(tmp_path / "flat_out.mp4", "video")[0]["sample_aspect_ratio"] == "4:3"
    process_file(flat, tmp_path / "out.mkv")
    assert streams(tmp_path / "out.mkv", "video")[0]["sample_aspect_ratio"] == "4:3"
    assert any("not square" in note for note in process_file(flat, tmp_path / "out.webm").notes)


@pytest.mark.parametrize(("suffix", "pixels"), [("mp4", "yuv444p"), ("webm", "yuv420p")])
def test_odd_size_is_kept(tmp_path: Path, suffix: str, pixels: str) -> None:
    video_input = ("-f", "lavfi", "-i", "testsrc=s=63x47:r=10:d=0.4", "-pix_fmt", "yuv444p", "-c:v", "libx264")
    source = make_media(tmp_path / "in.mkv", *video_input)
    result = process_file(source, tmp_path / f"out.{suffix}")
    (video,) = streams(tmp_path / f"out.{suffix}", "video")
    assert (video["width"], video["height"], video["pix_fmt"]) == (63, 47, pixels)
    assert ("4:4:4" in "".join(result.notes)) == (suffix == "mp4")


@pytest.mark.parametrize(("levels", "matrix"), [("tv", "bt709"), ("pc", "smpte170m"), ("tv", "bt2020nc")])
def test_colours_and_their_metadata_are_kept(tmp_path: Path, levels: str, matrix: str) -> None:
    scale = f"scale=out_range={levels}:out_color_matrix={matrix.replace('2020nc', '2020')}"
    flags = ("-color_range", levels, "-colorspace", matrix, "-color_primaries", "bt709", "-color_trc", "bt709")
    source = make_media(tmp_path / "in.mp4", *VIDEO_INPUT, "-vf", scale, *H264, *flags)
    process_file(source, tmp_path / "out.mp4")
    tags, kept = streams(source, "video")[0], streams(tmp_path / "out.mp4", "video")[0]
    for key in ("color_range", "color_space", "color_primaries", "color_transfer"):
        assert kept[key] == tags[key], key
    before, after = np.array(decode_frames(source, 64, 48)), np.array(decode_frames(tmp_path / "out.mp4", 64, 48))
    assert np.abs((after.astype(float) - before).mean(axis=(0, 1, 2))).max() < 0.8, "a tint"


def test_ten_bits_are_written_as_eight_in_h264_with_notes(tmp_path: Path) -> None:
    source = make_media(tmp_path / "in.mkv", *VIDEO_INPUT, "-c:v", "libx264", "-pix_fmt", "yuv420p10le")
    result = process_file(source, tmp_path / "out.mp4")
    assert [note for note in result.notes if "8 bits" in note] == result.notes and len(result.notes) == 2
    assert streams(tmp_path / "out.mp4", "video")[0]["pix_fmt"] == "yuv420p"


@pytest.mark.parametrize(
    ("codec", "size", "pixels"),
    [("hevc", "64x48", "yuv420p10le"), ("hevc", "63x47", "yuv444p10le"), ("av1", "64x48", "yuv420p10le")],
)
def test_ten_bits_are_kept_in_hevc_and_av1(tmp_path: Path, codec: str, size: str, pixels: str) -> None:
    video_input = ("-f", "lavfi", "-i", f"testsrc=s={size}:r=10:d=1", "-pix_fmt", pixels)
    source = make_media(tmp_path / "in.mkv", *video_input, "-c:v", "libx264", "-crf", "4")
    result = process_file(source, tmp_path / "out.mp4", codec=codec, preset="ultrafast")
    assert streams(tmp_path / "out.mp4", "video")[0]["pix_fmt"] == pixels
    assert not any("written with 8 bits" in note for note in result.notes)
    assert packet_times(tmp_path / "out.mp4") == pytest.approx(packet_times(source), abs=0.0006)
    width, height = map(int, size.split("x"))
    assert max_difference(decode_frames(source, width, height), decode_frames(tmp_path / "out.mp4", width, height)) < 4


def test_hdr_video_is_refused(tmp_path: Path) -> None:
    flags = ("-pix_fmt", "yuv420p10le", "-color_trc", "smpte2084", "-color_primaries", "bt2020")
    source = make_media(tmp_path / "in.mkv", *VIDEO_INPUT, "-c:v", "libx264", *flags, "-colorspace", "bt2020nc")
    with pytest.raises(SourceError, match=r"HDR film \(PQ\)"):
        process_file(source, tmp_path / "out.mp4")


def test_interlaced_video_keeps_its_times(tmp_path: Path) -> None:
    source = make_media(tmp_path / "in.mp4", *VIDEO_INPUT, "-vf", "interlace", *H264, "-flags", "+ildct+ilme")
    result = process_file(source, tmp_path / "out.mp4")
    assert any("interlaced" in note for note in result.notes)
    assert packet_times(tmp_path / "out.mp4") == pytest.approx(packet_times(source), abs=1e-6)


def test_cover_art_is_copied_and_not_stylized(tmp_path: Path) -> None:
    cover = make_media(tmp_path / "cover.png", "-f", "lavfi", "-i", "color=red:s=400x400", "-frames:v", "1")
    without_cover = make_media(tmp_path / "plain.mp4")
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", "-disposition:v:1", "default")
    source = make_media(tmp_path / "in.mp4", "-i", cover, "-i", without_cover, *maps)
    for suffix in ("mp4", "mkv"):
        output = tmp_path / f"out.{suffix}"
        result = process_file(source, output)
        found = {s["width"]: s["disposition"]["attached_pic"] for s in streams(output, "video")}
        assert (result.frames, found, result.notes) == (10, {64: 0, 400: 1}, [])


def test_largest_video_track_is_stylized_unless_another_is_chosen(tmp_path: Path) -> None:
    small = ("-f", "lavfi", "-i", "testsrc=s=32x32:r=10:d=1")
    source = make_media(tmp_path / "in.mkv", *small, *VIDEO_INPUT, "-map", "0", "-map", "1", *H264)
    result = process_file(source, tmp_path / "out.mp4")
    assert streams(tmp_path / "out.mp4", "video")[0]["width"] == 64
    assert "video track 2 is painted" in result.notes[0]
    process_file(source, tmp_path / "one.mp4", track=1)
    assert streams(tmp_path / "one.mp4", "video")[0]["width"] == 32
    with pytest.raises(UsageError, match="tracks 1 to 2"):
        process_file(source, tmp_path / "three.mp4", track=3)


def test_sound_subtitles_chapters_and_tags_are_kept(tmp_path: Path) -> None:
    (tmp_path / "s.srt").write_text("1\n00:00:00,200 --> 00:00:00,700\nBonjour\n")
    (tmp_path / "m.txt").write_text(
        ";FFMETADATA1\ntitle=The Film\nartist=Someone\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=Two\n"
    )
    inputs = (*VIDEO_INPUT, *AUDIO_INPUT, "-i", tmp_path / "s.srt", "-i", tmp_path / "m.txt")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-map", "2:s", "-map_metadata", "3")
    tags = ("-metadata:s:a:0", "language=fra", "-metadata:s:a:1", "language=deu", "-metadata:s:s:0", "language=ita")
    source = make_media(tmp_path / "in.mkv", *inputs, *maps, *tags, *H264, "-c:a", "aac", "-c:s", "srt")
    for suffix, text, notes in (("mkv", "subrip", 0), ("mp4", "mov_text", 1), ("webm", "webvtt", 3)):
        output = tmp_path / f"out.{suffix}"
        result = process_file(source, output)
        assert len(result.notes) == notes, result.notes
        tracks = streams(output, "audio")
        assert [s["tags"]["language"] for s in tracks] == ["fra", "deu"]
        assert {s["codec_name"] for s in tracks} == {"opus" if suffix == "webm" else "aac"}
        if suffix != "webm":
            assert [audio_md5(output, n) for n in (0, 1)] == [audio_md5(source, n) for n in (0, 1)]
        (words,) = streams(output, "subtitle")
        assert (words["codec_name"], words["tags"]["language"]) == (text, "ita")
        srt = ffmpeg("-i", output, "-map", "0:s:0", "-f", "srt", "-").decode()
        assert "Bonjour" in srt and "00:00:00,2" in srt and "--> 00:00:00,7" in srt
        table = probe(output)
        assert [(float(c["start_time"]), c["tags"]["title"]) for c in table["chapters"]] == [(0, "One"), (0.4, "Two")]
        title = {k.lower(): v for k, v in table["format"]["tags"].items()}
        assert (title["title"], title["artist"]) == ("The Film", "Someone")


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_sound_keeps_its_offset_to_the_frames(tmp_path: Path, suffix: str) -> None:
    """The first frame is shown 0.3 s after the sound starts; in WebM the sound is converted."""
    source = make_media(tmp_path / "in.mp4", "-itsoffset", "0.3", *VIDEO_INPUT, *AUDIO_INPUT, *H264, "-c:a", "aac")
    output = tmp_path / f"out.{suffix}"
    process_file(source, output)

    def lag(path: Path) -> float:
        return float(streams(path, "video")[0]["start_time"]) - first_sound_time(path)

    assert lag(output) == pytest.approx(lag(source), abs=0.001)
    assert packet_times(output)[0] - packet_times(source)[0] == pytest.approx(0, abs=0.03)


def test_transport_stream_starts_at_zero_and_keeps_its_sound(tmp_path: Path) -> None:
    source = make_media(tmp_path / "in.ts", *VIDEO_INPUT, *AUDIO_INPUT, *H264, "-c:a", "aac")
    result = process_file(source, tmp_path / "out.mp4")
    before, after = packet_times(source), packet_times(tmp_path / "out.mp4")
    assert (result.frames, result.notes, result.losses) == (10, [], [])
    assert after == pytest.approx([t - before[0] + after[0] for t in before], abs=0.001)
    assert 0 <= after[0] < 0.2
    lags = [packet_times(p)[0] - first_sound_time(p) for p in (source, tmp_path / "out.mp4")]
    assert lags[0] == pytest.approx(lags[1], abs=0.001)


def test_times_that_do_not_ascend_are_repaired_and_noted(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for count, pts in enumerate((0, 100, 100, 300, 200, 500)):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), pts // 2, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), pts, count
                container.mux(packet)
    result = process_file(source, tmp_path / "out.mp4")
    after = packet_times(tmp_path / "out.mp4")
    assert result.frames == len(set(after)) == 6
    assert [after[i] for i in (0, 1, 3, 5)] == pytest.approx([0, 0.1, 0.3, 0.5], abs=0.001)
    assert any("mended: 2" in note for note in result.notes)


def test_frames_limits_video_and_sound(tmp_path: Path) -> None:
    source = make_media(tmp_path / "in.mp4", *VIDEO_INPUT, *AUDIO_INPUT, *H264, "-c:a", "aac")
    result = process_file(source, tmp_path / "out.mp4", frames=4)
    assert (result.frames, result.losses, len(packet_times(tmp_path / "out.mp4"))) == (4, [], 4)
    assert float(streams(tmp_path / "out.mp4", "audio")[0]["duration"]) == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "webm"])
def test_chapter_that_starts_before_the_first_frame_is_kept(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "m.txt").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=One\n")
    delayed = ("-itsoffset", "0.3", *VIDEO_INPUT, "-i", tmp_path / "m.txt", "-map_metadata", "1")
    source = make_media(tmp_path / "in.mkv", *delayed, *H264, "-copyts")
    assert packet_times(source)[0] > 0.2
    assert process_file(source, tmp_path / f"out.{suffix}").frames == 10
    (chapter,) = probe(tmp_path / f"out.{suffix}")["chapters"]
    assert (float(chapter["start_time"]), chapter["tags"]["title"]) == (0, "One")
