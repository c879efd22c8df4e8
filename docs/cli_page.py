"""Writes docs/cli.md: every option of `realtime-stylize`, from its parser.

    python docs/cli_page.py [OUTPUT]

A test compares the page with what this program writes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from realtime.cli.options import Section, build_parser, invocation  # noqa: E402

HEAD = """# The command line

`realtime-stylize [FILE ...] [options]`. `realtime-stylize --help` shows the same options on one screen.
`python docs/cli_page.py` writes this page, and a test compares it.

The options of the first four sections can have other defaults in `config.toml`, by their names: `strength = 0.8`,
`keep-colors = true`, `camera = "Logitech"`. The file lies where the system keeps such files (on Linux
`~/.config/realtime-stylize/`), and `--save-config` writes it at the end of a run. Options of the command line beat it.
Runs that write files take the look and the inference options from it. The looks of `F1` to `F4` lie beside it in
`presets.toml`.
"""

# Descriptions that say more than the parser's one line, by `dest`.
DESCRIPTIONS = {
    "inputs": "Videos, images and folders. They are played, or with `-o` stylized into files.",
    "camera": "A camera's number, a part of its name, the URL of a stream, or `page`: the camera of a browser that has "
    "the page of `--serve` open.",
    "style": "A style, or a mix of up to four with relative weights: `great_wave:2,the_scream:1`.",
    "strength": "0 is the photo, 1 the painting.",
    "keep_colors": "The photo's colours with the painting's light and dark.",
    "stroke": "Size of the brush strokes, from half (0.5) to four times (4). Finer strokes take more time; in live "
    "pictures they are as fine as the frame rate allows.",
    "smooth": "Hold the painting along what moves: less flicker, without ghosts.",
    "look": "Begin with a look that was saved under that key.",
    "tour": "Show all styles in turn, for that long each. The key `a` starts a tour of ten seconds each.",
    "view": "`painted`, `split` (beside the photo) or `grid` (all styles; click one).",
    "size": "Height to stylize at. `auto` takes the most rows that hold the camera's frame rate (at most 30, or "
    "`--fps`), and follows the load; for files it is the input's own height. Files are enlarged to their full size "
    "again: that is faster, and strokes are larger.",
    "mirror": "Mirror the picture. Streams and the demo are not mirrored by default.",
    "full_screen": "Fill the screen, as the key `f` does.",
    "figures": "Show figures over the picture, as the key `i` does.",
    "snapshots": "Folder for snapshots and recordings (keys `s` and `r`). Existing files are never overwritten.",
    "virtual_camera": 'Be a camera for video calls. Needs `pip install ".[virtualcam]"` and a device: v4l2loopback on '
    "Linux, OBS (or Unity Capture) on Windows, OBS 30 on macOS.",
    "serve": "Serve a page for browsers, at that port or address; with `https://` before it under a certificate.",
    "public_url": "Where a proxy or tunnel offers the page of `--serve`, such as `https://paint.example.org`. Every "
    "request then needs the token. [How](browser.md#behind-a-proxy-or-tunnel).",
    "provider": "`auto`, `cpu`, `cuda`, `tensorrt`, `coreml`, `dml` or `openvino`. The figures on the screen say which "
    "one runs, and why.",
    "network": "`live`, or `wide`: better pictures in the same styles, in about four times the time (on a GPU 1.5). It "
    "is for GPUs, and for videos that may take longer.",
    "models": "A model file, or a folder of them, beside the shipped ones.",
    "output": "Where stylized files go; for several inputs a folder, `DIR/`.",
    "loop": "Play the files again and again. Not with `-o`.",
    "style_track": "A text file of looks over time. A line is a time, a style or mix, and options of the look: "
    "`0:05 the_scream --fade 2`.",
    "overwrite": "Replace existing files, but never the input itself.",
    "resume": "Continue an interrupted run. Refused where input, look or codec have changed.",
    "scale_output": "Write the height that `--size` asks for, not the input's.",
    "codec": "`h264`, `hevc`, `av1`, `vp9`, `prores`, `ffv1` (lossless), or a graphics card's: `h264_nvenc`, "
    "`hevc_qsv`, ... `--list-codecs` shows all of them, what they go into, and what works here.",
    "crf": "Quality; lower is better.",
    "preset": "`ultrafast` to `veryslow`; slower is smaller.",
    "track": "Video track to stylize.",
    "record": "Record from the start into `.mp4`, `.mov` or `.mkv`; the key `r` does it later. `--overwrite` replaces "
    "an existing file.",
    "json": "Print lists as JSON; with `-o` what became of each file.",
    "completion": "Print what makes `bash`, `zsh` or `fish` complete options and styles: "
    '`eval "$(realtime-stylize --completion bash)"`, `realtime-stylize --completion fish | source`.',
}
DEFAULTS = {
    "camera": "the first that answers",
    "style": "the first",
    "fade": "`0.3`",
    "view": "`painted`",
    "mirror": "cameras only",
    "figures": "yes",
    "snapshots": "where it was started",
    "serve": "`127.0.0.1:8765`",
    "codec": "`h264`, in `.webm` `vp9`",
    "crf": "`18` for H.264",
    "track": "the largest",
    "config": "in the user's folder",
}


def page() -> str:
    """Return the page: a table of options for each section."""
    parser = build_parser()
    unknown = (DESCRIPTIONS | DEFAULTS).keys() - {action.dest for part in Section for action in parser.actions(part)}
    if unknown:
        raise ValueError(f"no such options: {', '.join(sorted(unknown))}")
    parts = [HEAD]
    for section in Section:
        rows = [_row(action) for action in parser.actions(section)]
        table = ["| Option | Default | What it does |", "| --- | --- | --- |", *rows]
        parts.append(f"## {section.value.capitalize()}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)


def _row(action: argparse.Action) -> str:
    text = action.help or ""
    description = DESCRIPTIONS.get(action.dest, f"{text[:1].upper()}{text[1:]}.")
    cells = [f"`{invocation(action)}`", DEFAULTS.get(action.dest, _default(action)), description]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(action: argparse.Action) -> str:
    value = action.default
    if not action.option_strings or value is None or value is False or value == argparse.SUPPRESS:
        return ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/cli.md"
    output.write_text(page(), encoding="utf-8")
