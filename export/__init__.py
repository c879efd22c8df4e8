"""Exporting a checkpoint to a model file that is verified to give the same images."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # see realtime/__init__.py
