"""The readers-writer lock around capturing CUDA graphs."""

from __future__ import annotations

import threading
import time

from realtime.inference.shared_lock import SharedLock

DEADLINE = 60.0  # s


def test_shared_lock_is_held_by_three_threads_at_once() -> None:
    lock, all_inside = SharedLock(), threading.Barrier(3, timeout=DEADLINE)
    entered: list[int] = []

    def hold() -> None:
        with lock.shared():
            entered.append(all_inside.wait())

    threads = [threading.Thread(target=hold) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entered) == [0, 1, 2]


def test_exclusive_holder_is_alone_although_others_keep_coming() -> None:
    lock, holders = SharedLock(), 0
    finished = threading.Event()

    def share() -> None:
        nonlocal holders
        while not finished.is_set():
            with lock.shared():
                holders += 1
                time.sleep(0.001)
                holders -= 1

    threads = [threading.Thread(target=share) for _ in range(3)]
    for thread in threads:
        thread.start()
    times_alone = others_seen = 0
    for _ in range(50):
        with lock.exclusive():
            times_alone += 1
            others_seen += holders
            time.sleep(0.001)
            others_seen += holders
    finished.set()
    for thread in threads:
        thread.join()
    assert (times_alone, others_seen) == (50, 0)
