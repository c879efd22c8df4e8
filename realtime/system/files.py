"""File names and files on the disk: names beside other names, atomic replacement, and locks that a crash releases."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path

LOCKED_FILE_SECONDS = 2.0  # how long Windows may keep a file locked; pip waits for 1 second
RETRY_SECONDS = 0.05
MAX_NAME_BYTES = 255  # of a file name, where the file system does not say
NEW_FILE_MODE = 0o666  # before the umask
_DIGEST_CHARACTERS = 8
_MAX_PARTS = 100  # names that are tried for a part
# flock on a network file system without a lock manager; such an output is written without a lock.
_LOCKS_UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


def same_file(one: Path, other: Path) -> bool:
    """Return whether both paths lead to one existing file."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def real_path(path: Path) -> Path:
    """Return the absolute path without links; a link that leads nowhere stays one. Raises no OSError."""
    return Path(os.path.realpath(path))


def require_name(path: Path) -> None:
    """Raise the OSError that the system has for the path itself, such as a name too long; it need not exist."""
    with suppress(FileNotFoundError):
        os.lstat(path)


def sidecar_path(path: Path, suffix: str) -> Path:
    """Return the path of a file beside `path`, of its name and a suffix.

    A name that the file system would not take is cut, and gets a digest so that no two names become the same.
    """
    name = path.name
    max_bytes = _max_name_bytes(path.parent)
    if len(os.fsencode(name + suffix)) > max_bytes:
        digest = "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:_DIGEST_CHARACTERS]
        while len(os.fsencode(name + digest + suffix)) > max_bytes:
            name = name[:-1]
        name += digest
    return path.with_name(name + suffix)


def _max_name_bytes(folder: Path) -> int:
    """Return how many bytes a name in the folder may have; of a folder that is not made yet, in the one above it."""
    pathconf = getattr(os, "pathconf", None)  # Windows has none
    while pathconf is not None:
        try:
            return int(pathconf(folder, "PC_NAME_MAX"))
        except (OSError, ValueError):
            if folder == folder.parent:
                break
            folder = folder.parent
    return MAX_NAME_BYTES


def create_exclusively(path: Path, mode: int = NEW_FILE_MODE) -> int:
    """Create a file and return its descriptor. Raises FileExistsError if there is one, or a link of that name."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)


def read_limited(path: Path, max_bytes: int) -> bytes:
    """Return the content of a file. Raises OSError, also if it is larger: devices such as /dev/zero never end."""
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, "too large to be such a file")
    return data


def replace_file(new: str | Path, place: Path) -> None:
    """Replace the file at `place` by `new`, as `os.replace` does. Raises OSError.

    On Windows a virus scanner or OneDrive may lock a new file for a moment; this waits until it is free again.
    """
    deadline = time.perf_counter() + (LOCKED_FILE_SECONDS if sys.platform == "win32" else 0)
    while True:
        try:
            return os.replace(new, place)
        except PermissionError:
            if time.perf_counter() >= deadline:
                raise
            time.sleep(RETRY_SECONDS)


def rename_to_new(old: Path, place: Path) -> None:
    """Rename a file to a name that must be free. Raises FileExistsError if it is not, and other OSErrors."""
    if sys.platform != "win32":
        try:
            os.link(old, place)  # unlike a renaming it replaces nothing
        except FileExistsError:
            raise
        except OSError:
            pass  # the file system has no hard links
        else:
            os.unlink(old)
            return
    if os.path.lexists(place):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place))
    replace_file(old, place)


def create_part(path: Path) -> Path:
    """Create an empty file NAME.part beside `path` and return its path. Raises OSError.

    If another program has one of that name, which may be anything, the next free one is taken: NAME.2.part.
    """
    number = 1
    while True:
        part = sidecar_path(path, ".part" if number == 1 else f".{number}.part")
        try:
            os.close(create_exclusively(part))
            return part
        except FileExistsError:
            if number == _MAX_PARTS:
                raise
            number += 1


def write_atomic(place: Path, data: bytes | memoryview, *, mode: int | None = None) -> None:
    """Write the data to `place`, or leave what was there before, even if the power fails. Raises OSError.

    Of several processes that do this at once one wins. mode: of the new file, before the umask; None is that of the
    file which it replaces.
    """
    part = sidecar_path(place, f".{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(create_exclusively(part, NEW_FILE_MODE if mode is None else mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # the new name may reach the disk before the data does
        if mode is None and os.path.exists(place):
            os.chmod(part, os.stat(place).st_mode & 0o777)
        replace_file(part, place)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


class FileLock:
    """A lock by the name of an empty file, held from the constructor to `release`, or to the end of the process.

    timeout: seconds to wait for it. Raises BlockingIOError if it is still held, by this process or another one, and
    other OSErrors.
    """

    def __init__(self, path: Path, *, timeout: float = 0.0) -> None:
        self.path = path
        deadline = time.perf_counter() + timeout
        while True:
            try:
                self._descriptor: int | None = self._acquire()
                return
            except BlockingIOError:
                if time.perf_counter() >= deadline:
                    raise
            time.sleep(RETRY_SECONDS)

    def _acquire(self) -> int:
        while True:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(self.path, flags, NEW_FILE_MODE)
            try:
                _lock(descriptor)
                if self._names(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its holder has deleted it since

    @property
    def held(self) -> bool:
        """Whether it is held still."""
        return self._descriptor is not None

    def release(self) -> None:
        """Release the lock and delete its file; may be called twice."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        is_ours = sys.platform != "win32" and os.fstat(descriptor).st_size == 0
        if is_ours:  # deleted while it is locked, so that it is not another process's
            with suppress(OSError):
                os.unlink(self.path)
        os.close(descriptor)
        if sys.platform == "win32":  # where a file that is open cannot be deleted
            with suppress(OSError):
                os.unlink(self.path)

    def _names(self, descriptor: int) -> bool:
        """Return whether the lock's path still leads to the file of the descriptor."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(errno.EAGAIN, "it is locked") from error

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _LOCKS_UNSUPPORTED:
                raise


def lock_name(path: Path) -> FileLock:
    """Lock the name of an output, so that no other run writes it; the lock is NAME.part.lock beside it.

    path: not a symbolic link. Raises BlockingIOError if another run holds it, and other OSErrors.
    """
    require_name(path)
    return FileLock(sidecar_path(path, ".part.lock"))
