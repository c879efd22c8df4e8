"""What libraries read from the environment when they are loaded: to be imported before them."""

from __future__ import annotations

import os

# OpenCV, as far as the user has not said otherwise.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "5")  # s without a frame, of 10
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")  # else MSMF opens for up to a minute

# ONNX Runtime writes down what it runs, and sends it to its makers, unless told.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
