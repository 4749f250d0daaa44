"""The write-ahead log that a server before this one has left.

It is all that there is of the last commits. Two things can happen to it that SQLite
does nothing about: its last writer may have ended before a sync, or by a failed one, so
that it is read from memory and is not on the disk; and a connection that fails to open
may take it away as it closes.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from relaychat.store.folder import sync_folder

_CHUNK_BYTES = 1024 * 1024

INDEX_ROOM_BYTES = 256 * 1024
"""What SQLite's index of the write-ahead log takes as it opens, and a reserve."""


def room_for_index(disk: os.statvfs_result) -> bool:
    """Whether a full disk can't kill us by SIGBUS.

    SQLite maps the index, and sees to it that its pages are there by writing a byte of
    each. With blocks smaller than a page (ext4 below 512 MB) that allocates a part.
    """
    free_bytes = disk.f_bavail * disk.f_frsize
    return disk.f_bsize >= mmap.PAGESIZE or free_bytes >= INDEX_ROOM_BYTES


@contextmanager
def spared(wal: Path) -> Iterator[None]:
    """Lay the write-ahead log back where it is gone after an exception.

    SQLite removes it as the last connection closes, when it thinks that all of it was
    carried over. With the index beside it (``-shm``) not to be opened at first, and
    then only for reading, it thinks so wrongly (seen in 3.40). Carrying over once more
    what was carried over does no harm. Raises OSError.
    """
    spare = wal.with_name(wal.name + ".spare")
    if wal.exists():
        spare.unlink(missing_ok=True)
        with suppress(OSError):  # not every file system has links
            os.link(wal, spare)
    elif spare.exists():  # a server was killed where this one is now
        spare.rename(wal)
    try:
        yield
    except BaseException:
        if spare.exists() and not wal.exists():
            spare.rename(wal)
        raise
    finally:
        spare.unlink(missing_ok=True)


def inherit(connection: sqlite3.Connection, wal: Path) -> None:
    """Have on the disk what the write-ahead log holds, for it will be shown.

    After a failed sync the system takes what it could not write for clean: it can still
    be read, and no later sync writes it. So each byte is written again first. Raises
    OSError, sqlite3.Error.
    """
    connection.execute("BEGIN IMMEDIATE")  # keeps others from writing to it
    try:
        # Fails on what could be opened for reading alone, which BEGIN does not.
        connection.execute("DELETE FROM meta WHERE false")
        _rewrite(wal)
    finally:
        connection.execute("ROLLBACK")


def _rewrite(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        offset = 0
        while chunk := os.pread(descriptor, _CHUNK_BYTES, offset):
            offset += os.pwrite(descriptor, chunk, offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)
