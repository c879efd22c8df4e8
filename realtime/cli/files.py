"""Wiring of a run that writes files (`-o`)."""

from __future__ import annotations

import argparse

from realtime.batch import runner
from realtime.cli.checks import check_files, check_ranges, height_of


def run_files(arguments: argparse.Namespace) -> int:
    """Stylize every input into a file; return the exit status. Raises StylizeError."""
    check_ranges(arguments)
    height = height_of(arguments)
    check_files(arguments)
    return runner.run(arguments, height)
