"""The store on SQLite: one file, one writer thread, one reader thread.

A batch is a transaction with one fsync, behind which its answer comes. Reads have a
connection and a thread of their own, so they delay no commit; each sees all that was
committed when it is carried out. ``transaction`` says what the outcomes mean,
``statements`` and ``reads`` have the SQL, ``checkpoint`` keeps the write-ahead log
short.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger

from relaychat.store.api import (
    Batch,
    Entry,
    Failed,
    First,
    Outcome,
    Proof,
    Snapshot,
    StoreBroken,
)
from relaychat.store.checkpoint import Checkpoints
from relaychat.store.folder import make_folder
from relaychat.store.lock import DataLock
from relaychat.store.places import Places
from relaychat.store.reads import Reads
from relaychat.store.schema import open_reader, open_writer
from relaychat.store.threads import CallFromThread, Worker
from relaychat.store.transaction import Transactions, explain

T = TypeVar("T")


class SqliteStore:
    """A ``Store`` in a database file.

    ``path`` is the file; its folder is made if need be, for its owner alone, and holds
    the lock as well. ``call_from_thread`` is the reactor's. ``factory`` is the seam
    where tests make SQLite fail: the class of the writer's connection.
    """

    _log = Logger()

    def __init__(
        self,
        path: Path,
        call_from_thread: CallFromThread,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        self._path = path
        self._call_from_thread = call_from_thread
        self._factory = factory
        self._lock = DataLock(path.with_name(path.name + ".lock"))
        self._open = False

    def open(self, kinds: tuple[str, ...]) -> Snapshot:
        """Lock, make or upgrade, and read what the hub starts from."""
        make_folder(self._path.parent)
        self._lock.take()
        try:
            writing = open_writer(self._path, self._factory)
        except BaseException:
            self._lock.drop()
            raise
        try:
            reading = open_reader(self._path)
            self._reads = Reads(reading)
            snapshot = self._reads.snapshot(kinds)
        except sqlite3.Error as error:
            writing.close()
            self._lock.drop()
            raise StoreBroken(f"{self._path} can't be read: {error}") from error
        self._writing, self._reading = writing, reading
        self._transactions = Transactions(
            writing, snapshot.last_pos, snapshot.last_device
        )
        self._places = Places(self._transactions, self._complain)
        self._places.fill()
        self._checkpoints = Checkpoints(writing, self._complain)
        self._writer = Worker("relaychat-writer", self._call_from_thread, self._idle)
        self._reader = Worker("relaychat-reader", self._call_from_thread)
        self._writer.start()
        self._reader.start()
        self._open = True
        return snapshot

    def commit(self, batch: Batch) -> Deferred[Outcome]:
        """See ``api.Store``."""
        if not self._open:
            return succeed(Failed("the store is closed"))
        outcome = self._writer.ask(self._transactions.commit, batch)
        self._writer.after(lambda: self._behind(batch))
        return outcome

    def page(
        self, room: int, after: int, before: int, limit: int, newest: bool = False
    ) -> Deferred[list[Entry]]:
        """See ``api.Store``."""
        return self._read(self._reads.page, room, after, before, limit, newest)

    def merged(self, cursors: dict[int, int], limit: int) -> Deferred[list[Entry]]:
        """See ``api.Store``."""
        return self._read(self._reads.merged, dict(cursors), limit)

    def seek(self, room: int, at: int) -> Deferred[int]:
        """See ``api.Store``."""
        return self._read(self._reads.seek, room, at)

    def about(self, room: int, ref: int) -> Deferred[list[Entry]]:
        """See ``api.Store``."""
        return self._read(self._reads.about, room, ref)

    def record(self, kind: str, key: str) -> Deferred[bytes | None]:
        """See ``api.Store``."""
        return self._read(self._reads.record, kind, key)

    def records(
        self, kind: str, after: str, limit: int
    ) -> Deferred[list[tuple[str, bytes]]]:
        """See ``api.Store``."""
        return self._read(self._reads.records, kind, after, limit)

    def first(self, origin: int, cid: int) -> Deferred[First | None]:
        """See ``api.Store``."""
        return self._read(self._reads.first, origin, cid)

    def high(self, origin: int) -> Deferred[int]:
        """See ``api.Store``."""
        return self._read(self._reads.high, origin)

    def proofs(self, room: int, after: int, limit: int) -> Deferred[list[Proof]]:
        """See ``api.Store``."""
        return self._read(self._reads.proofs, room, after, limit)

    def close(self) -> Deferred[None]:
        """See ``api.Store``."""
        if not self._open:
            return succeed(None)
        self._open = False
        # The writer's connection goes last: with it goes the write-ahead log.
        closed = self._reader.ask(self._reading.close)
        self._reader.stop()
        return closed.addCallback(self._close_writer)

    def _close_writer(self, _: object) -> Deferred[None]:
        closed = self._writer.ask(self._close_file)
        self._writer.stop()
        return closed

    def _close_file(self) -> None:
        try:
            self._writing.close()
        finally:
            self._lock.drop()

    def _read(self, call: Callable[..., T], *values: object) -> Deferred[T]:
        if not self._open:
            return fail(StoreBroken("the store is closed"))
        return self._reader.ask(_explained, call, *values)

    def _behind(self, batch: Batch) -> None:
        """What is done behind a batch, so that its answer does not wait for it."""
        self._places.count(batch)
        self._places.if_due()
        self._checkpoints.count(batch)
        self._checkpoints.if_due()

    def _idle(self) -> None:
        self._places.idle()
        self._checkpoints.idle()

    def _complain(self, text: str) -> None:
        self._call_from_thread(self._warn, text)

    def _warn(self, text: str) -> None:
        self._log.warn("{text}", text=text)


def _explained(call: Callable[..., T], *values: object) -> T:
    try:
        return call(*values)
    except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
        raise StoreBroken(explain(error)) from error
