"""`realtime-stylize`: parse, wire, run."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import StylizeError, UsageError
from realtime.system.console import bear_foreign_letters, say, tell
from realtime.system.signals import take_interrupts

if TYPE_CHECKING:
    from realtime.cli.config import Config
    from realtime.live.outputs import Outputs
    from realtime.live.pipeline import Live
    from realtime.sinks.output_file import OutputFile
    from realtime.sources import Reconnecting
    from realtime.sources.browser_camera import BrowserCamera
    from realtime.stylizer.library import Library
    from realtime.stylizer.stylizer import Stylizer
    from realtime.ui.controller import Controller
    from realtime.web.address import Address

TELLING = ("version", "completion", "list_styles", "list_providers", "list_codecs", "list_cameras")


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Do what the command line asks for; returns the exit status."""
    if any(getattr(arguments, name) for name in TELLING):
        from realtime.cli.listing import tell_of

        tell_of(arguments)
        return 0
    if arguments.output is not None:
        from realtime.batch import runner

        status = runner.run(arguments, _check(arguments))
        if arguments.save_config:
            config.save({})
        return status
    return run_live(arguments, config)


def run_live(arguments: argparse.Namespace, config: Config) -> int:
    """Open, paint and show until it is over; then write the figures. Returns the exit status."""
    height, address = _check(arguments), _address(arguments)
    _check_source(arguments)
    if not arguments.no_window:
        from realtime.ui.window import require_display

        require_display()  # before anything slow, and before a camera's light goes on
    from realtime.live.outputs import recording_target

    target = (
        recording_target(arguments.record, arguments.overwrite, arguments.inputs)
        if arguments.record is not None
        else None
    )
    if arguments.virtual_camera and arguments.no_window and target is None and address is None:
        from realtime.sinks.virtual_camera import require_virtual_camera

        require_virtual_camera()
    if address is not None and arguments.no_window and target is None and not arguments.virtual_camera:
        from realtime.web.server import require_page

        require_page(address)
    try:
        return _run_live(arguments, config, height, target, address)
    finally:
        if target is not None:
            target.drop_if_empty()


def _run_live(
    arguments: argparse.Namespace,
    config: Config,
    height: int | None,
    target: OutputFile | None,
    address: Address | None,
) -> int:
    from realtime.stylizer.library import load_library
    from realtime.stylizer.look import FADE_SECONDS
    from realtime.stylizer.look_options import look_from
    from realtime.stylizer.presets import Presets
    from realtime.stylizer.style_track import read_style_track

    # What can be said at once is said before anything slow, and before a camera's light goes on.
    library = load_library(arguments.models, arguments.network)
    start = look_from(arguments, library)
    presets = Presets(config.file.path.with_name("presets.toml"))
    look = presets.recall(arguments.look, library) if arguments.look is not None else start
    track = read_style_track(arguments.style_track, library, look) if arguments.style_track is not None else None
    stylizer, source, page = _open(arguments, library, height)

    from realtime.live.outputs import Outputs
    from realtime.live.pipeline import CAMERA_FPS, Live
    from realtime.live.view import View
    from realtime.ui.controller import Controller

    with stylizer:
        live = Live(
            source, stylizer, track=track, mirror=arguments.mirror,
            height=height, fps=arguments.fps, frames=arguments.frames,
            fade=FADE_SECONDS if arguments.fade is None else arguments.fade, tour=arguments.tour,
            view=View(arguments.view or "painted"), presets=presets,
        )  # fmt: skip
        if look is not start:
            live.look.go(look, 0)
        outputs = Outputs(arguments.snapshots, microphone=bool(arguments.microphone))
        controller = Controller(live, outputs, arguments.snapshots)
        tell(f"{source.name}: {source.gives}")
        tell(f"{stylizer.provider.upper()}: {stylizer.provider_reason}")
        with ExitStack() as ending:  # what is first here comes last
            ending.callback(_report, live, outputs, arguments.stats)
            if arguments.save_config:
                ending.callback(lambda: config.save(live.dialled()))
            ending.callback(live.stop)
            ending.enter_context(outputs)
            if target is not None:
                outputs.record(target, source.size, source.fps)
            if arguments.virtual_camera:
                outputs.open_camera(source.size, arguments.fps or source.fps or CAMERA_FPS)
            if address is not None:
                outputs.serve(address, controller, page)
            live.start()
            _show(controller, arguments, ending.close)
        return 1 if outputs.failures else 0


def _open(
    arguments: argparse.Namespace, library: Library, height: int | None
) -> tuple[Stylizer, Reconnecting, BrowserCamera]:
    """The network and the source. While one loads the other wakes up."""
    from concurrent.futures import ThreadPoolExecutor

    from realtime.cli.options import stylizer_options
    from realtime.stylizer.stylizer import Stylizer

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(Stylizer, library=library, **stylizer_options(arguments))

        from realtime.batch.jobs import find_files
        from realtime.sources import open_files, open_live_source
        from realtime.sources.browser_camera import BrowserCamera

        page = BrowserCamera()
        if arguments.inputs:
            files = find_files(arguments.inputs)
            source = open_files(files, loop=arguments.loop, track=arguments.track, stop=page.stop)
        else:
            source = open_live_source(
                arguments.camera, demo=arguments.demo, height=height, fps=arguments.fps, stop=page.stop, page=page
            )
        try:
            return loading.result(), source, page
        except BaseException:
            source.close()
            raise


def _show(controller: Controller, arguments: argparse.Namespace, finish: Callable[[], None]) -> None:
    """Until it is over. finish: for when the process ends meanwhile."""
    if arguments.no_window:
        from realtime.ui.headless import run_headless

        run_headless(controller)
        return
    from realtime.ui.display import Display
    from realtime.ui.display_loss import last_words
    from realtime.ui.window import Window

    width, rows = controller.live.source.size
    factor = min(max(1.0, 640 / width), 1920 / width, 1080 / rows)
    with Window("realtime-stylize", (round(width * factor), round(rows * factor))) as window, last_words(finish):
        if arguments.full_screen:
            window.toggle_full_screen()
        Display(controller, window, figures=arguments.figures is not False).run()


def _report(live: Live, outputs: Outputs, stats: Path | None) -> None:
    from realtime.live.stats import write_stats

    table = live.summary() | outputs.summary()
    tell(f"{table['frames_painted']} frames painted, {table['fps']:.1f} fps")
    if stats is not None:
        write_stats(stats, table)


def _address(arguments: argparse.Namespace) -> Address | None:
    """Where the page will be, if there is one. Raises UsageError."""
    from realtime.web.address import parse_address

    if arguments.serve is None and arguments.camera == "page":
        raise UsageError("--camera page: --serve makes the page that sends it")
    if arguments.serve is None:
        return None
    if Path(arguments.serve).suffix and Path(arguments.serve).exists():
        raise UsageError(f"--serve {arguments.serve}: a file, where an address may stand; name the file before --serve")
    return parse_address(arguments.serve)


def _check(arguments: argparse.Namespace) -> int | None:
    """The rows to paint at, or None for auto. Raises UsageError or OutputError."""
    if arguments.frames is not None and arguments.frames < 1:
        raise UsageError(f"--frames {arguments.frames}: at least 1")
    if arguments.fps is not None and not 0.01 <= arguments.fps <= 1000:
        raise UsageError(f"--fps {arguments.fps:g}: from 0.01 to 1000")
    if arguments.fade is not None and not 0 <= arguments.fade <= 60:
        raise UsageError(f"--fade {arguments.fade:g}: from 0 to 60 seconds")
    if arguments.tour is not None and not 1 <= arguments.tour <= 86400:
        raise UsageError(f"--tour {arguments.tour:g}: at least 1 second for each style")
    if arguments.stats is not None:
        from realtime.live.stats import check_place

        check_place(arguments.stats, arguments.record)
    if arguments.size == "auto":
        return None
    if not (arguments.size.isascii() and arguments.size.isdigit()) or not 64 <= int(arguments.size) <= 8192:
        raise UsageError(f"--size {arguments.size}: 'auto', or a height from 64 to 8192")
    return int(arguments.size)


def _check_source(arguments: argparse.Namespace) -> None:
    """Refuse what makes no sense together. Raises UsageError."""
    if arguments.inputs and (arguments.camera is not None or arguments.demo):
        raise UsageError("a camera or the demo cannot be combined with files")
    if not arguments.inputs and arguments.loop:
        raise UsageError("--loop is for films that are played: name one")
    if arguments.style_track and not arguments.inputs:
        raise UsageError("--style-track is for films: name one")
    if arguments.style_track and arguments.tour is not None:
        raise UsageError("--style-track and --tour both say when styles change: one of them")
    for option in ("codec", "crf", "overwrite", "resume", "scale_output"):
        if getattr(arguments, option) and not (option == "overwrite" and arguments.record):
            raise UsageError(f"--{option.replace('_', '-')} is for files that are written: name one with -o")


def main() -> int:
    """The entry point; returns the exit status."""
    status = _run()
    try:
        print(end="", flush=True)
    except OSError:  # nobody reads it, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = status or 1
    if any(thread.daemon for thread in threading.enumerate()):
        # A camera's driver has hung in it. If that came back while Python is being taken down, the process would abort.
        os._exit(status)
    return status


def _run() -> int:
    config = None
    bear_foreign_letters()
    try:
        take_interrupts()
        from realtime.cli.config import parse
        from realtime.cli.options import build_parser

        if "_ARGCOMPLETE" in os.environ:  # a shell asks what could stand on the command line
            import argcomplete

            argcomplete.autocomplete(build_parser())
        arguments, config = parse(sys.argv[1:])
        return run(arguments, config)
    except KeyboardInterrupt:
        return 130
    except StylizeError as error:
        if "--debug" in sys.argv:
            raise
        print(f"realtime-stylize: {config.blame(error) if config else error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        unread = errno.EINVAL if sys.platform == "win32" else errno.EPIPE
        if error.errno not in (unread, errno.ENOSPC, errno.EIO) or error.filename is not None:
            raise
        if error.errno == errno.ENOSPC:
            say(f"realtime-stylize: standard output: {error.strerror}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
