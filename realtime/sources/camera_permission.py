"""macOS asks the user once whether this program may use the camera; until then OpenCV opens none."""

from __future__ import annotations

import sys
import threading
from importlib import import_module

UNDECIDED = 0  # AVAuthorizationStatusNotDetermined
PATIENCE = 600  # turns of a tenth of a second


def ask_permission() -> None:
    """Have macOS ask where it has not yet, and wait for the answer. On the main thread; elsewhere nothing happens."""
    if sys.platform != "darwin":
        return
    try:
        video, foundation = import_module("AVFoundation"), import_module("Foundation")
    except ImportError:  # then the first start says what to allow, and the second one works
        return
    device, camera = video.AVCaptureDevice, video.AVMediaTypeVideo
    if device.authorizationStatusForMediaType_(camera) != UNDECIDED:
        return
    answered = threading.Event()
    device.requestAccessForMediaType_completionHandler_(camera, lambda granted: answered.set())
    for _ in range(PATIENCE):
        if answered.is_set():
            return
        soon = foundation.NSDate.dateWithTimeIntervalSinceNow_(0.1)
        foundation.NSRunLoop.currentRunLoop().runUntilDate_(soon)
