"""The entry point of `realtime-stylize`: reads the command line, runs it, reports errors in one line."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING

from realtime.errors import StylizeError, UsageError, describe_unexpected
from realtime.system.console import escape_unencodable, log_to_console, open_closed_streams, write_stderr
from realtime.system.paths import working_folder_problem
from realtime.system.signals import INTERRUPTED_STATUS, install_interrupt_handlers

if TYPE_CHECKING:
    from realtime.cli.config import Config

LISTINGS = ("version", "completion", "list_styles", "list_providers", "list_codecs", "list_cameras")


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Do what the command line asks for; return the exit status. Raises StylizeError."""
    if any(getattr(arguments, name) for name in LISTINGS):
        from realtime.cli.listing import print_listing

        print_listing(arguments)
        return 0
    if arguments.output is not None:
        from realtime.cli.files import run_files

        status = run_files(arguments)
        if arguments.save_config:
            config.save({})
        return status
    from realtime.cli.live import run_live

    return run_live(arguments, config)


def main() -> int:
    """Run the command `realtime-stylize`; return its exit status."""
    status = _run_command()
    try:
        print(end="", flush=True)
    except OSError:  # stdout is a closed pipe, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = status or 1
    if any(thread.daemon for thread in threading.enumerate()):
        # A daemon thread hangs in a camera's driver. If the driver returned while Python is being torn down, the
        # process would abort.
        os._exit(status)
    return status


def _run_command() -> int:
    config = None
    open_closed_streams()
    escape_unencodable()
    log_to_console("realtime-stylize", "realtime")
    try:
        install_interrupt_handlers()
        from realtime.cli.config import parse
        from realtime.cli.options import build_parser

        if "_ARGCOMPLETE" in os.environ:  # set by a shell that wants completions
            import argcomplete

            argcomplete.autocomplete(build_parser())
        arguments, config = parse(sys.argv[1:])
        if arguments.debug:
            logging.getLogger("realtime").setLevel(logging.DEBUG)
        return run(arguments, config)
    except KeyboardInterrupt:
        return INTERRUPTED_STATUS
    except StylizeError as error:
        if "--debug" in sys.argv:
            raise
        write_stderr(f"realtime-stylize: {config.locate(error) if config else error}")
        return 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        if problem := working_folder_problem():
            write_stderr(f"realtime-stylize: {problem}")
            return 1
        closed_pipe = errno.EINVAL if sys.platform == "win32" else errno.EPIPE
        if error.errno not in (closed_pipe, errno.ENOSPC, errno.EIO) or error.filename is not None:
            return _report_unexpected(error)
        if error.errno == errno.ENOSPC:
            write_stderr(f"realtime-stylize: standard output: {error.strerror}")
        return 1
    except Exception as error:
        return _report_unexpected(error)


def _report_unexpected(error: Exception) -> int:
    """Print an error that this program has not foreseen in one line; return the exit status."""
    if "--debug" in sys.argv:
        raise error
    write_stderr(f"realtime-stylize: {describe_unexpected(error)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
