"""Environment variables that libraries read when they are loaded. Import this module before them."""

from __future__ import annotations

import os

# Users may set these themselves; OpenCV reads them when it opens a camera.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "5")  # seconds without a frame; OpenCV waits for 10
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")  # else MSMF takes up to a minute to open

# The number in sources/limits.py: a file of a few bytes can declare any size.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(256 << 20))

# ONNX Runtime would record what it runs and send it to Microsoft.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
