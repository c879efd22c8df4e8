"""Microphone, with the real libasound, which reads its sound from a pipe that the test fills."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.errors import SourceError
from realtime.live.outputs import Outputs
from realtime.live.recorder import Recorder
from realtime.sinks.output_file import OutputFile
from realtime.sinks.recording import Recording
from realtime.sources.microphone import Microphone
from realtime.system.clock import SystemClock
from tests.video_files import ffmpeg, streams

if sys.platform != "linux" or "alsa" not in av.formats_available:
    pytest.skip("needs ALSA", allow_module_level=True)

RATE = 48_000
CONFIG = 'pcm.!default {{ type file slave.pcm {{ type null }} file "/dev/null" infile "{pipe}" format "raw" }}\n'
PICTURE = np.zeros((48, 64, 3), np.uint8)


class Speaker:
    """Plays into the microphone: a tone while `loud`, else silence. A stereo sample has 4 bytes."""

    def __init__(self, pipe: Path) -> None:
        self.loud, self.tone_start = False, 0.0
        self._pipe, self._stop = pipe, threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        wave = (20_000 * np.sin(np.arange(480) * 2 * np.pi * 10 / 480)).astype(np.int16)
        tone, silence = np.repeat(wave, 2).tobytes(), bytes(480 * 4)
        try:
            with self._pipe.open("wb", buffering=0) as pipe:
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)  # by default it holds a third of a second
                begin = time.monotonic()
                for number in range(10_000):
                    if self.loud:
                        self.tone_start = self.tone_start or time.monotonic()
                    pipe.write(tone if self.loud else silence)
                    if self._stop.wait(max(0.0, begin + number / 100 - time.monotonic())):
                        return
        except BrokenPipeError:
            return

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)


@pytest.fixture
def speaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Speaker]:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "asound.conf").write_text(CONFIG.format(pipe=tmp_path / "pipe"))
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    speaker = Speaker(tmp_path / "pipe")
    yield speaker
    speaker.stop()


def record(path: Path, speaker: Speaker, seconds: float = 2.5, loud_from: float = 1.0) -> Recording:
    """Record frames at 20 fps, with a tone from second `loud_from` on."""
    recording = Recording(OutputFile(path, sources=[]), (64, 48), 20, microphone=Microphone())
    clock = SystemClock()
    begin = clock.now()
    while (now := clock.now() - begin) < seconds:
        recording.show(PICTURE, clock.now())
        speaker.loud = now >= loud_from
        time.sleep(0.05)
    recording.close()
    return recording


def test_recording_has_the_sound_at_the_time_it_was_heard(speaker: Speaker, tmp_path: Path) -> None:
    recording = record(tmp_path / "r.mp4", speaker)
    assert recording.error is None and recording.notes == [] and recording.has_sound
    (video,), (audio,) = streams(tmp_path / "r.mp4", "video"), streams(tmp_path / "r.mp4", "audio")
    assert audio["codec_name"] == "aac"
    assert 1 < float(audio["duration"]) < float(video["duration"]) + 0.1
    raw = ffmpeg("-i", tmp_path / "r.mp4", "-af", "aresample=async=1:first_pts=0", "-ac", "1", "-f", "s16le", "-")
    samples = np.abs(np.frombuffer(raw, np.int16).astype(np.int32))
    assert samples.max() > 10_000
    begin = int(np.argmax(samples > 5_000)) / RATE
    assert recording._first_captured is not None
    assert begin == pytest.approx(speaker.tone_start - recording._first_captured, abs=0.3)


def test_recording_keeps_its_video_when_the_microphone_is_lost(speaker: Speaker, tmp_path: Path) -> None:
    threading.Timer(1.0, speaker.stop).start()
    recording = record(tmp_path / "r.mp4", speaker)
    assert recording.error is None
    assert float(streams(tmp_path / "r.mp4", "video")[0]["duration"]) > 2.3
    assert streams(tmp_path / "r.mp4", "audio")


def test_missing_microphone_is_one_line_and_the_recording_has_no_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], console: None
) -> None:
    (tmp_path / "asound.conf").write_text("")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    with pytest.raises(SourceError, match=r"^there is no microphone \(.*alsa default: .*\)$"):
        Microphone()
    with Outputs() as outputs, Recorder(outputs, tmp_path, use_microphone=True) as recorder:
        recorder.start(OutputFile(tmp_path / "r.mp4", sources=[]), (64, 48), 20)
        outputs.show(PICTURE, 1.0)
        assert recorder.recording is not None and not recorder.recording.has_sound
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and "there is no microphone" in err and "recording without sound" in err
    assert streams(tmp_path / "r.mp4", "audio") == []
    assert len(streams(tmp_path / "r.mp4", "video")) == 1
