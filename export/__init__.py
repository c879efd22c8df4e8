"""Export: a checkpoint in, a model file out, proved to paint the same."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # see realtime/__init__.py
