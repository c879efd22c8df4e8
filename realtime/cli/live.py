"""Wiring of a live run: source, network, outputs, and the window or the loop without one.

Modules are imported where they are needed: problems that can be found at once are reported before anything slow is
loaded, and before a camera's light goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.cli.checks import address_of, check_live, check_ranges, height_of
from realtime.errors import OutputError
from realtime.system.console import write_stderr, write_stdout

if TYPE_CHECKING:
    from realtime.cli.config import Config
    from realtime.sinks.output_file import OutputFile
    from realtime.sources.browser_camera import BrowserCamera
    from realtime.sources.reconnect import ReconnectingSource
    from realtime.stylizer.library import Library
    from realtime.stylizer.stylizer import Stylizer
    from realtime.ui.controller import Controller
    from realtime.web.address import Address

MIN_WINDOW_WIDTH = 640  # pixels; smaller pictures are enlarged
MAX_WINDOW_WIDTH, MAX_WINDOW_HEIGHT = 1920, 1080  # pixels


def run_live(arguments: argparse.Namespace, config: Config) -> int:
    """Open the source, stylize and show it until it ends, then write the statistics. Return the exit status."""
    check_ranges(arguments)
    height, address = height_of(arguments), address_of(arguments)
    check_live(arguments)
    if not arguments.no_window:
        from realtime.ui.window import require_display

        require_display()
    from realtime.live.recorder import recording_target

    recording = None
    if arguments.record is not None:
        recording = recording_target(arguments.record, arguments.overwrite, arguments.inputs)
    elif arguments.no_window:
        _require_only_output(arguments, address)
    try:
        return _run(arguments, config, height, recording, address)
    finally:
        if recording is not None:
            recording.drop_if_empty()


def _require_only_output(arguments: argparse.Namespace, address: Address | None) -> None:
    """Raise OutputError if the only output of the run, a virtual camera or a page, is not available."""
    if arguments.virtual_camera and address is None:
        from realtime.sinks.virtual_camera import require_virtual_camera

        require_virtual_camera()
    if address is not None and not arguments.virtual_camera:
        from realtime.web.server import require_page

        require_page(address)


def _run(
    arguments: argparse.Namespace,
    config: Config,
    height: int | None,
    recording: OutputFile | None,
    address: Address | None,
) -> int:
    from realtime.stylizer.crossfade import FADE_SECONDS
    from realtime.stylizer.library import LibraryFiles
    from realtime.stylizer.look_options import look_from
    from realtime.stylizer.presets import Presets
    from realtime.stylizer.style_track import read_style_track

    files = LibraryFiles(arguments.models, arguments.network)
    stamps, library = files.stamps(), files.load()
    start = look_from(arguments, library)
    presets = Presets(config.file.path.with_name("presets.toml"))
    look = presets.load(arguments.look, library) if arguments.look is not None else start
    track = read_style_track(arguments.style_track, library, look) if arguments.style_track is not None else None
    stylizer, source, browser_camera = _open(arguments, library, height)

    from realtime.live.outputs import Outputs
    from realtime.live.pipeline import Live
    from realtime.live.recorder import Recorder
    from realtime.live.style_watcher import StyleWatcher
    from realtime.live.view import View
    from realtime.live.viewer import Viewer
    from realtime.ui.controller import Controller

    with stylizer:
        live = Live(
            source, stylizer, track=track, mirror=arguments.mirror,
            height=height, fps=arguments.fps, frames=arguments.frames,
            fade=FADE_SECONDS if arguments.fade is None else arguments.fade, tour=arguments.tour,
            view=View(arguments.view or "painted"), presets=presets,
        )  # fmt: skip
        if look is not start:
            live.look.fade_to(look, 0)
        outputs = Outputs()
        recorder = Recorder(outputs, arguments.snapshots, use_microphone=bool(arguments.microphone))
        controller = Controller(Viewer(live, outputs), recorder, arguments.snapshots)
        write_stdout(f"{source.name}: {source.description}")
        write_stdout(f"{stylizer.provider.upper()}: {stylizer.provider_reason}")
        with ExitStack() as closing:  # it closes in reverse order: the report comes last
            closing.callback(_report, controller, arguments.stats)
            if arguments.save_config:
                closing.callback(lambda: config.save(live.changed_options()))
            closing.callback(live.stop)
            closing.enter_context(outputs)
            closing.enter_context(recorder)
            if recording is not None:
                recorder.start(recording, source.size, source.fps)
            if arguments.virtual_camera:
                _add_virtual_camera(controller, arguments.fps)
            if address is not None:
                refusal = "" if arguments.models is None else "with --models it would not show what is learnt here"
                _add_page(controller, address, browser_camera, refusal)
            live.start()
            closing.enter_context(StyleWatcher(live, files, stamps, controller.messages.queue))
            _show(controller, arguments, closing.close)
        return 1 if outputs.failures else 0


def _open(
    arguments: argparse.Namespace, library: Library, height: int | None
) -> tuple[Stylizer, ReconnectingSource, BrowserCamera]:
    """Load the network and open the source, both at the same time."""
    from concurrent.futures import ThreadPoolExecutor

    from realtime.cli.options import stylizer_options
    from realtime.stylizer.stylizer import Stylizer

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(Stylizer, library=library, **stylizer_options(arguments))

        from realtime.batch.jobs import find_files
        from realtime.sources.browser_camera import BrowserCamera
        from realtime.sources.opening import open_files, open_live_source

        browser_camera = BrowserCamera()
        if arguments.inputs:
            passed_over: list[str] = []
            files = find_files(arguments.inputs, passed_over=passed_over)
            for line in passed_over:
                write_stderr(line)
            source = open_files(files, loop=arguments.loop, track=arguments.track, stop=browser_camera.stop)
        else:
            source = open_live_source(
                arguments.camera,
                demo=arguments.demo,
                height=height,
                fps=arguments.fps,
                stop=browser_camera.stop,
                browser_camera=browser_camera,
            )
        try:
            return loading.result(), source, browser_camera
        except BaseException:
            source.close()
            raise


def _show(controller: Controller, arguments: argparse.Namespace, finish: Callable[[], None]) -> None:
    """Run the main loop, with or without a window. finish: ends the run in order if the X server is lost."""
    if arguments.no_window:
        from realtime.ui.headless import run_headless

        run_headless(controller)
        return
    from realtime.ui.display import Display
    from realtime.ui.display_loss import finish_on_display_loss
    from realtime.ui.window import Window

    width, height = controller.live.source.size
    factor = min(max(1.0, MIN_WINDOW_WIDTH / width), MAX_WINDOW_WIDTH / width, MAX_WINDOW_HEIGHT / height)
    with (
        Window("realtime-stylize", (round(width * factor), round(height * factor))) as window,
        finish_on_display_loss(finish),
    ):
        if arguments.full_screen:
            window.toggle_full_screen()
        Display(controller, window, figures=arguments.figures is not False).run()


def _add_virtual_camera(controller: Controller, fps: float | None) -> None:
    """Add a virtual camera to the outputs. If it cannot be opened, the error is reported and the run goes on."""
    from realtime.live.pipeline import DEFAULT_FPS
    from realtime.sinks.virtual_camera import VirtualCamera

    source = controller.live.source
    try:
        camera = VirtualCamera(source.size, fps or source.fps or DEFAULT_FPS)
    except OutputError as error:
        controller.outputs.fail(error)
        return
    controller.outputs.add(camera)
    write_stdout(f"virtual camera: {camera.name}")


def _add_page(controller: Controller, address: Address, camera: BrowserCamera, refusal: str) -> None:
    """Add the web page to the outputs. If it cannot be served, the error is reported and the run goes on.

    refusal: why it takes no paintings, or "".
    """
    from realtime.web.server import Page
    from realtime.web.style_training import StyleTraining

    try:
        page = Page(address, controller, camera, StyleTraining(controller, refusal))
    except OutputError as error:
        controller.outputs.fail(error)
        return
    controller.outputs.add(page)
    for url in page.urls:
        print(f"page: {url}", flush=True)


def _report(controller: Controller, stats: Path | None) -> None:
    """Print the frame count and rate, and write the statistics where `--stats` asks for them."""
    from realtime.live.stats import write_stats

    outputs = {"virtual_camera": None, "page": None} | controller.outputs.summary()
    table = controller.live.summary() | controller.recorder.summary() | outputs
    write_stdout(f"{table['frames_painted']} frames painted, {table['fps']:.1f} fps")
    if stats is not None:
        write_stats(stats, table)
