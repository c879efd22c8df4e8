"""The key that tells whether an interrupted video can be resumed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import av

from realtime.batch.jobs import Job
from realtime.batch.process import BatchOptions
from realtime.batch.resume_key import make_resume_key
from realtime.sinks.output_file import OutputFile
from realtime.stylizer.library import Library
from realtime.stylizer.look import one_style
from realtime.stylizer.style_track import Cue, StyleTrack

# NAME.part.json as the first version with --resume wrote it.
OLD_RESUME_INFO = """{
  "recipe": {
    "input": [
      1280000,
      "8de0157679a98398fd8c3225c76fa4d4702c3dd2ee0d18a123a8981623224854"
    ],
    "--track": 2,
    "look": {
      "weights": WEIGHTS,
      "strength": 1.0,
      "keep_colors": 0.0,
      "stroke": 1.0,
      "smooth": 0.0,
      "before": null,
      "share": 1.0
    },
    "network (--network, --models)": [
      "NETWORK",
      "NETWORK"
    ],
    "--style-track": [
      [
        5.0,
        2.0,
        {
          "weights": WEIGHTS,
          "strength": 0.5,
          "keep_colors": 1.0,
          "stroke": 2.0,
          "smooth": 0.25,
          "before": null,
          "share": 1.0
        }
      ]
    ],
    "--size": [
      480,
      true
    ],
    "--codec": "libx265",
    "--crf or --preset": {
      "x265-params": "log-level=none",
      "crf": "21",
      "preset": "fast"
    },
    "version of FFmpeg": FFMPEG
  },
  "replaces": false
}
"""


def test_resume_info_is_written_as_earlier_versions_did(tmp_path: Path, library: Library) -> None:
    look = one_style(*library.styles[0])
    source, output = tmp_path / "in.bin", tmp_path / "out.mkv"
    source.write_bytes(bytes(range(256)) * 5000)
    second = replace(look, strength=0.5, keep_colors=1.0, stroke=2.0, smooth=0.25)
    style_track = StyleTrack((Cue(0.0, look), Cue(5.0, second, 2.0)))
    options = BatchOptions(height=480, scale_output=True, codec="hevc", crf=21, preset="fast", track=2)
    key = make_resume_key(Job(source, output), style_track, options)
    OutputFile(output, sources=[source], resume_key=key)
    written = (tmp_path / "out.mkv.part.json").read_text(encoding="utf-8")
    table = json.loads(
        OLD_RESUME_INFO.replace("WEIGHTS", json.dumps(look.weights))
        .replace("NETWORK", hashlib.sha256(look.model.data).hexdigest())
        .replace("FFMPEG", json.dumps([av.__version__, *av.library_versions["libavcodec"]]))
    )
    assert written == json.dumps(table, indent=2) + "\n"
