"""Whole copies of a database, while it is written to or not.

A copy is one file, without a write-ahead log beside it, and is there under its name
only when it is complete and was looked at.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from relaychat.store.folder import sync_folder


def as_it_is(copy: sqlite3.Connection) -> None:
    """Nothing more is done with it."""


def copy_database(
    connection: sqlite3.Connection,
    target: Path,
    finish: Callable[[sqlite3.Connection], None] = as_it_is,
) -> None:
    """Copy what ``connection`` sees now. ``finish`` looks at the copy, or changes it,
    before it is there; what it raises leaves nothing behind.

    Raises sqlite3.Error, OSError, and what ``finish`` raises.
    """
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    make_private(partial)
    try:
        with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            finish(copy)
        _sync(partial)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.rename(target)
    sync_folder(target.parent)


def make_private(path: Path) -> None:
    """Only the owner reads the data. SQLite gives its side files the same mode."""
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    path.chmod(0o600)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
