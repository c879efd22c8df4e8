"""The camera permission of macOS: the system asks the user once; until then OpenCV cannot open a camera."""

from __future__ import annotations

import sys
import threading
from importlib import import_module

NOT_DETERMINED = 0  # AVAuthorizationStatusNotDetermined
TURN_SECONDS = 0.1  # duration of one turn of the run loop
MAX_TURNS = 600  # the user has a minute to answer


def ask_permission() -> None:
    """Make macOS ask the user if it has not yet, and wait for the answer; do nothing on other systems.

    Must be called on the main thread, whose run loop shows the question.
    """
    if sys.platform != "darwin":
        return
    try:
        video, foundation = import_module("AVFoundation"), import_module("Foundation")
    except ImportError:  # without PyObjC the first start says what to allow, and the second one works
        return
    device, camera = video.AVCaptureDevice, video.AVMediaTypeVideo
    if device.authorizationStatusForMediaType_(camera) != NOT_DETERMINED:
        return
    answered = threading.Event()
    device.requestAccessForMediaType_completionHandler_(camera, lambda granted: answered.set())
    for _ in range(MAX_TURNS):
        if answered.is_set():
            return
        turn_end = foundation.NSDate.dateWithTimeIntervalSinceNow_(TURN_SECONDS)
        foundation.NSRunLoop.currentRunLoop().runUntilDate_(turn_end)
