"""What a program that stays a client keeps in its state folder: one SQLite file.

::

    client-NAME.db     a device: its secret, its outbox, how far it has read; 0600

It is a *spool* (see ``outbox``) whose sends survive ``kill -9`` and the loss of power
from the moment at which ``add`` returns. What is only good to know (an answer came, an
event was read) is written with the next send, or soon after: a crash before that means
that a send is resent, and answered as a duplicate, or that an event is shown again.

A send whose ``id`` is a text is *labelled*: the answer to it is remembered under that
label, so that whoever gave it can be answered again (see ``agent``).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from relaychat.client.outbox import Send
from relaychat.client.state import Lock, StateError, new_secret, slug
from relaychat.model.commands import Cursor
from relaychat.model.events import Done, Fault

SETTLED_MOST = 64
"""Answers that wait to be written; as many sends may be resent after a crash."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS device (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    secret TEXT NOT NULL,
    high INTEGER NOT NULL          -- the highest cid that was ever given
) STRICT;
CREATE TABLE IF NOT EXISTS unsent (
    cid INTEGER PRIMARY KEY,
    body BLOB NOT NULL             -- the command, as it goes over the wire
) STRICT;
CREATE TABLE IF NOT EXISTS answered (
    label TEXT PRIMARY KEY,
    cid INTEGER NOT NULL,
    body BLOB NOT NULL,            -- the command ...
    answer BLOB NOT NULL           -- ... and the server's answer
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reading (
    room TEXT PRIMARY KEY,         -- folded
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,          -- everything up to it was read
    mark INTEGER NOT NULL          -- a read marker that the server has not heard of
) STRICT;
"""

_encode = msgspec.json.Encoder().encode
_decode_send = msgspec.json.Decoder(Send).decode
_decode_answer = msgspec.json.Decoder(Done | Fault).decode


class Reading(NamedTuple):
    """How far a room was read."""

    cursor: Cursor
    mark: int = 0
    """A read marker that the server has not heard of; 0 for none."""


class ClientFile:
    """See the module. ``path`` is for messages."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, closed: Callable[[], None]
    ) -> None:
        """``db`` has no transaction of its own making (``isolation_level=None``), and
        is ours alone until ``closed`` is called.

        Raises StateError.
        """
        self.path = path
        self._db = db
        self._closed = closed
        self._settled: list[tuple[Send, Done | Fault]] = []
        self._staged: dict[str, Reading] = {}
        try:
            self._db.executescript(_SCHEMA)
            with self._transaction(durable=True):
                self._db.execute(
                    "INSERT OR IGNORE INTO device VALUES (1, ?, 0)", (new_secret(),)
                )
            self.secret, self.high = self._read("SELECT secret, high FROM device")[0]
            self.welcomed = bool(self._read("PRAGMA user_version")[0][0])
            """Whether a server has ever let it in."""
        except sqlite3.Error as error:
            raise StateError(f"{path}: {error}") from None

    # -- the outbox ----------------------------------------------------------------

    def unsent(self) -> list[Send]:
        """See Spool. Raises StateError."""
        rows = self._read("SELECT body FROM unsent ORDER BY cid")
        return [_decode_send(body) for (body,) in rows]

    def with_next(self, rooms: dict[str, Reading]) -> None:
        """Remember how far rooms were read in the transaction of the next sends: with
        them or not at all."""
        self._staged = {**self._staged, **rooms}

    def add(self, sends: Sequence[Send]) -> None:
        """See Spool. Raises StateError."""
        if not sends:
            return
        high = sends[-1].cid or 0
        with self._transaction(durable=True):
            self._write_settled()
            self._db.executemany(
                "INSERT INTO unsent VALUES (?, ?)",
                [(send.cid, _encode(send)) for send in sends],
            )
            self._db.execute("UPDATE device SET high = ?", (high,))
            self._write_reading(self._staged)
        self._settled.clear()
        self._staged = {}
        self.high = high

    def settle(self, send: Send, answer: Done | Fault) -> None:
        """See Spool. Raises StateError."""
        self._settled.append((send, answer))
        # What was told to be refused must not be in the log after all.
        if isinstance(answer, Fault):
            self.flush(durable=True)
        elif len(self._settled) >= SETTLED_MOST:
            self.flush()

    def flush(self, durable: bool = False) -> None:
        """Write what answers came. Raises StateError."""
        if self._settled:
            with self._transaction(durable):
                self._write_settled()
            self._settled.clear()

    def answered(self, label: str) -> tuple[Send, Done | Fault] | None:
        """What was sent under a label, and the answer. Raises StateError."""
        self.flush()
        rows = self._read("SELECT body, answer FROM answered WHERE label = ?", (label,))
        return (_decode_send(rows[0][0]), _decode_answer(rows[0][1])) if rows else None

    def labels(self, prefix: str) -> list[str]:
        """All answered labels that begin so. Raises StateError."""
        self.flush()
        found = self._read(
            "SELECT label FROM answered WHERE label >= ? AND label < ?",
            (prefix, prefix + "\U0010ffff"),
        )
        return [label for (label,) in found]

    def forget(self, labels: Sequence[str]) -> None:
        """Nobody will ask for these answers any more. Raises StateError."""
        with self._transaction(durable=False):
            self._db.executemany(
                "DELETE FROM answered WHERE label = ?", [(one,) for one in labels]
            )

    def _write_settled(self) -> None:
        self._db.executemany(
            "DELETE FROM unsent WHERE cid = ?",
            [(send.cid,) for send, _ in self._settled],
        )
        self._db.executemany(
            "REPLACE INTO answered VALUES (?, ?, ?, ?)",
            [
                (send.id, send.cid, _encode(send), _encode(answer))
                for send, answer in self._settled
                if isinstance(send.id, str)
            ],
        )

    # -- how far it has read -------------------------------------------------------

    def welcome(self) -> None:
        """A server has let it in. Raises StateError."""
        if not self.welcomed:
            with self._transaction(durable=True):
                self._db.execute("PRAGMA user_version = 1")
            self.welcomed = True

    def reading(self) -> dict[str, Reading]:
        """All rooms that it is in, by their folded names. Raises StateError."""
        rows = self._read("SELECT room, epoch, seq, mark FROM reading ORDER BY room")
        return {
            room: Reading(Cursor(epoch, seq), mark) for room, epoch, seq, mark in rows
        }

    def read(self, rooms: dict[str, Reading], gone: Sequence[str] = ()) -> None:
        """Remember how far rooms were read, and forget those that it left. Raises
        StateError."""
        with self._transaction(durable=False):
            self._write_settled()
            self._write_reading(rooms)
            self._db.executemany(
                "DELETE FROM reading WHERE room = ?", [(room,) for room in gone]
            )
        self._settled.clear()
        self._staged = {}

    def _write_reading(self, rooms: dict[str, Reading]) -> None:
        self._db.executemany(
            "REPLACE INTO reading VALUES (?, ?, ?, ?)",
            [
                (room, one.cursor.epoch, one.cursor.seq, one.mark)
                for room, one in rooms.items()
            ],
        )

    def close(self) -> None:
        """Let another process have it. Raises StateError."""
        try:
            self.flush()
        finally:
            self._db.close()
            self._closed()

    # -- SQLite --------------------------------------------------------------------

    def _read(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StateError(f"{self.path}: {error}") from None

    @contextmanager
    def _transaction(self, durable: bool) -> Iterator[None]:
        try:
            wanted = "FULL" if durable else "NORMAL"
            self._db.execute(f"PRAGMA synchronous = {wanted}")
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StateError(f"{self.path}: {error}") from None


def client_file(folder: Path, name: str) -> ClientFile:
    """The file of a program in a state folder, held by this process until it is closed.
    Raises Held, StateError."""
    path = folder / f"client-{slug(name)}.db"
    lock = Lock(path.with_suffix(".lock"))
    with ExitStack() as undone:
        undone.callback(lock.release)
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            db = undone.enter_context(
                closing(sqlite3.connect(path, isolation_level=None))
            )
            db.execute("PRAGMA journal_mode = WAL")
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"{path}: {error}") from None
        file = ClientFile(path, db, lock.release)
        undone.pop_all()
        return file
