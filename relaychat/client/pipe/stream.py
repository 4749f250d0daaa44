"""A stream that ``pipe`` sends, and what of it survives ``kill -9`` (of ``pipe``
itself).

A stream is a device of its own whose cids are the numbers of its messages: message n of
the input has the cid ``base + n``. So the server's word at hello, the highest cid that
its log holds of this device, is the whole progress; nothing has to be written here when
a message is acknowledged, and no crash in between can double or lose one.

A file needs no more: its messages are counted again from its start. What can't be read
again (a pipe, a terminal) is *spooled*: written here, durably, before it is sent, and
dropped when it is in the log.

When an input has been sent to its end, the stream rests: it may serve the next input,
with a new base. What was sent of a file is remembered elsewhere (see ``sent``).
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from relaychat.client.state import Held, Lock, StateError, new_secret
from relaychat.model.names import fold

SPOOL_LIMIT_BYTES = 1024 * 1024 * 1024
"""Unsent text that is kept on disk; above it the input is not read."""

LIVE = "stdin"
"""The name of a live stdin, which can't be told from others."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stream (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    secret TEXT NOT NULL,          -- of the device
    room TEXT NOT NULL,            -- folded
    input TEXT NOT NULL,           -- what is being sent; empty while the stream rests
    base INTEGER NOT NULL,         -- the cid before the input's first message
    last INTEGER NOT NULL,         -- the highest cid given to a spooled message
    piece_bytes INTEGER NOT NULL,  -- the longest message, fixed for the whole input
    proof_n INTEGER NOT NULL,      -- the first proof_n messages of a file ...
    proof BLOB NOT NULL            -- ... had this digest
) STRICT;
CREATE TABLE IF NOT EXISTS spool (cid INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
"""


class Proof(msgspec.Struct):
    """A digest over the first messages of a file: is it still the file that it was?"""

    count: int = 0
    digest: bytes = bytes(16)

    def add(self, text: str) -> None:
        """One more message."""
        self.count += 1
        mixed = self.digest + text.encode()
        self.digest = hashlib.blake2b(mixed, digest_size=16).digest()

    def copy(self) -> Proof:
        """As it is now."""
        return Proof(self.count, self.digest)


class Stream:
    """One stream, held by this process until ``close``."""

    def __init__(self, path: Path) -> None:
        """Raises Held, StateError."""
        self.path = path
        self._lock = Lock(path.with_suffix(".lock"))
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
            self._read()
        except (OSError, sqlite3.Error) as error:
            self._lock.release()
            raise StateError(f"{path}: {error}") from None

    def _read(self) -> None:
        row = self._db.execute(
            "SELECT secret, room, input, base, last, piece_bytes, proof_n, proof"
            " FROM stream"
        ).fetchone()
        row = row or (new_secret(), "", "", 0, 0, 0, 0, bytes(16))
        self.secret: str = row[0]
        self.room: str = row[1]
        self.input: str = row[2]
        self.base: int = row[3]
        self.last: int = row[4]
        self.piece_bytes: int = row[5]
        self.proof_n: int = row[6]
        self.proof: bytes = row[7]
        (self.spooled_bytes,) = self._db.execute(
            "SELECT coalesce(sum(length(text)), 0) FROM spool"
        ).fetchone()

    @property
    def resting(self) -> bool:
        """Whether its last input was sent to the end."""
        return not self.input

    def begin(
        self,
        room: str,
        source: str,
        high: int,
        piece_bytes: int,
        behind: Proof | None = None,
    ) -> None:
        """A new input; ``high`` is the highest cid that the log holds of the device.
        What ``behind`` proves was sent before, under other cids."""
        behind = behind or Proof()
        self.room, self.input = fold(room), source
        self.last = max(high, self.last)
        self.base = self.last - behind.count
        self.piece_bytes = piece_bytes
        self.proof_n, self.proof = behind.count, behind.digest
        self._change("DELETE FROM spool")
        self.spooled_bytes = 0

    def rest(self, last: int) -> None:
        """The input is in the log to its end, ``last`` being the cid of its last
        message."""
        self.input, self.last = "", max(last, self.last)
        self._change("DELETE FROM spool")
        self.spooled_bytes = 0

    def prove(self, proof: Proof) -> None:
        """Remember what a file's first messages were."""
        self.proof_n, self.proof = proof.count, proof.digest
        self._change()

    def append(self, texts: Sequence[str]) -> None:
        """Spool messages. They are durable when this returns. Raises StateError."""
        rows = list(enumerate(texts, self.last + 1))
        was, self.last = self.last, self.last + len(rows)
        try:
            self._change("INSERT INTO spool VALUES (?, ?)", rows)
        except StateError:
            self.last = was
            raise
        self.spooled_bytes += sum(map(len, texts))

    def spooled(self, after: int, limit: int) -> list[tuple[int, str]]:
        """Spooled messages with a cid above ``after``, in order."""
        return self._db.execute(
            "SELECT cid, text FROM spool WHERE cid > ? ORDER BY cid LIMIT ?",
            (after, limit),
        ).fetchall()

    def drop(self, upto: int) -> None:
        """These are in the log. Nothing depends on when they go, so no fsync waits."""
        (gone,) = self._db.execute(
            "SELECT coalesce(sum(length(text)), 0) FROM spool WHERE cid <= ?", (upto,)
        ).fetchone()
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("DELETE FROM spool WHERE cid <= ?", (upto,))
        self._db.execute("PRAGMA synchronous = FULL")
        self.spooled_bytes -= gone

    def close(self) -> None:
        """Let another process have it."""
        self._db.close()
        self._lock.release()

    def _change(
        self, also: str = "", rows: Sequence[tuple[int, str]] | None = None
    ) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            if rows is not None:
                self._db.executemany(also, rows)
            elif also:
                self._db.execute(also)
            self._db.execute(
                "REPLACE INTO stream VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self.secret, self.room, self.input, self.base, self.last,
                 self.piece_bytes, self.proof_n, self.proof),
            )  # fmt: skip
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StateError(f"{self.path}: {error}") from None


def _sends(path: Path) -> tuple[str, str]:
    """Room and input of a stream that another process holds."""
    try:
        with closing(sqlite3.connect(path)) as db:
            row = db.execute("SELECT room, input FROM stream").fetchone()
    except sqlite3.Error:
        row = None
    return row or ("", "")


def underway(folder: Path, room: str, source: str) -> list[Path]:
    """The streams of an input that broke off, and that nobody holds."""
    found = []
    for path in sorted(folder.glob("pipe-*.db")):
        if _sends(path) == (fold(room), source):
            try:
                Lock(path.with_suffix(".lock")).release()
            except Held:
                continue
            found.append(path)
    return found


def give_up(folder: Path, room: str, source: str) -> None:
    """Forget what these streams left unsent. Raises StateError."""
    for path in underway(folder, room, source):
        stream = Stream(path)
        stream.rest(stream.last)
        stream.close()


def take_stream(folder: Path, room: str, source: str) -> Stream:
    """The stream to send ``source`` with: the one that it broke off in, else one that
    rests, else a new one. Raises StateError, and Held if another process is sending it;
    a live stdin is another one in each process."""
    choosing = Lock(folder / "pipe.lock", wait=True)
    free: list[Stream] = []
    try:
        for number in itertools.count():
            path = folder / f"pipe-{number}.db"
            new = not path.exists()
            try:
                stream = Stream(path)
            except Held:
                if source != LIVE and _sends(path) == (fold(room), source):
                    raise
                continue
            if (stream.room, stream.input) == (fold(room), source):
                return stream
            free.append(stream)
            if new:
                break
        chosen = next(stream for stream in free if stream.resting)
        free.remove(chosen)
        return chosen
    finally:
        for stream in free:
            stream.close()
        choosing.release()
