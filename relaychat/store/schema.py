"""The database file: made, recognised, upgraded, opened.

``application_id`` says that a file is ours and ``user_version`` how many of the
numbered files under ``sql/`` it has seen. Each upgrade is one transaction; before the
first one of an existing database a copy is laid beside it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from importlib import resources
from pathlib import Path

from relaychat.store.api import StoreBroken
from relaychat.store.checks import BODY_LIMIT_BYTES
from relaychat.store.copies import copy_database, make_private
from relaychat.store.inherit import inherit, room_for_index, spared

APPLICATION_ID = 0x72656C61
"""``rela`` in ASCII, at a place in the file's head where ``file`` and we look."""

BUSY_S = 5.0
"""How long to wait for a stranger's lock, an administrator's shell for instance."""

WRITER_CACHE_KIB = 32 * 1024
"""Pages that a batch over many rooms touches again: two index leaves each."""

READER_CACHE_KIB = 8 * 1024

ROW_BYTES = 1024
"""Room for what a row has beside its body; SQLite's limit is one for whole rows."""

_OLDEST_SQLITE = (3, 38, 0)
"""UPDATE FROM (3.33) and JSON as a matter of course (3.38)."""


def upgrades() -> list[tuple[int, str]]:
    """The numbered upgrades that this version knows: number and SQL, in order."""
    folder = resources.files("relaychat.store") / "sql"
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".sql"))
    return [
        (int(name.split("_", 1)[0]), (folder / name).read_text("utf-8"))
        for name in names
    ]


def open_writer(
    path: Path, factory: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    """The one connection that writes, on a database that is up to date.

    Raises StoreBroken, OSError.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreBroken(f"SQLite {sqlite3.sqlite_version} is too old for relaychat")
    make_private(path)
    if not room_for_index(os.statvfs(path)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    try:
        with spared(wal := path.with_name(path.name + "-wal")):
            return _opened(path, wal, factory)
    except sqlite3.Error as error:
        raise StoreBroken(f"{path} can't be used: {error}") from error


def _opened(
    path: Path, wal: Path, factory: type[sqlite3.Connection]
) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        factory=factory,
    )
    try:
        upgrade(connection, path, upgrades())
        _prepare_writer(connection)
        inherit(connection, wal)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read, to be used while the writer's is open."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _prepare_writer(connection: sqlite3.Connection) -> None:
    # What a commit answers for: in the log, and on the disk. Checkpoints are the
    # writer's.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    # Redacted text is overwritten, not left in the file's free space.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, BODY_LIMIT_BYTES + ROW_BYTES)


def upgrade(
    connection: sqlite3.Connection, path: Path, known: list[tuple[int, str]]
) -> None:
    """Make a database what this version knows. Raises StoreBroken, sqlite3.Error."""
    version = _version(connection, path)
    newest = known[-1][0]
    if version > newest:
        raise StoreBroken(
            f"{path} is of a newer relaychat (its version is {version}, this program"
            f" knows up to {newest})"
        )
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreBroken(f"{path} can't keep a write-ahead log here (mode {mode})")
    if 0 < version < newest:
        copy_database(
            connection, path.with_name(f"{path.name}.before-{version + 1:04}")
        )
    for number, text in known:
        if number > version:
            _apply(connection, number, text)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The upgrades seen; 0 for a fresh database. Raises StoreBroken for a foreign
    one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not ours and (tables or version):
        raise StoreBroken(f"{path} is a database of another program")
    return version


def _apply(connection: sqlite3.Connection, number: int, text: str) -> None:
    connection.execute("BEGIN EXCLUSIVE")
    try:
        for statement in _statements(text):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(text: str) -> list[str]:
    found, open_ = [], ""
    for line in text.splitlines(keepends=True):
        open_ += line
        if sqlite3.complete_statement(open_):
            found.append(open_)
            open_ = ""
    return found
