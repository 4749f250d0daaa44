"""One server per data folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from relaychat.store.api import StoreLocked


class DataLock:
    """An exclusive ``flock`` on a file of its own.

    Not on the database itself: closing any descriptor of that would drop the locks that
    SQLite holds in this process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def take(self) -> None:
        """Take it, or raise StoreLocked (naming who holds it) or OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            if not isinstance(error, BlockingIOError):
                raise
            raise StoreLocked(
                f"{self._path.parent} is in use by another server"
                f" (process {holder or 'unknown'})"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor

    def drop(self) -> None:
        """Give it back. The file stays: removing it would let two servers in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
