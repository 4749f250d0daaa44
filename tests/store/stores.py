"""Both stores, opened and waited for alike, and logs to put into them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial import unittest

from relaychat.model.chain import START, body_digest, link_all, mark
from relaychat.store.api import (
    Batch,
    Committed,
    Head,
    Outcome,
    Record,
    Row,
    Snapshot,
    Store,
)
from relaychat.store.sqlite import SqliteStore
from relaychat.testing.calls import Calls

T = TypeVar("T")

AT = 1_700_000_000_000


class RoomLog:
    """A room as the hub keeps it: makes rows and heads that continue its log."""

    def __init__(self, number: int, seq: int = 0, at: int = AT) -> None:
        self.number = number
        self.seq = seq
        self.at = at
        self.chain = START

    def row(
        self,
        body: bytes,
        origin: int | None = None,
        cid: int | None = None,
        ref: int | None = None,
        later: int = 1,
        more: tuple[bytes, ...] = (),
    ) -> Row:
        """The next row, so many milliseconds later."""
        seq = self.seq + 1
        self.at += later
        marks = [
            mark(seq + n, self.at, body_digest(one))
            for n, one in enumerate((body, *more))
        ]
        self.chain = link_all(self.chain, marks)
        self.seq += len(marks)
        digest = None if cid is None else -cid
        return Row(
            self.number, seq, self.at, body, self.chain, origin, cid, digest, ref, more
        )  # fmt: skip

    def head(self, was: int) -> Head:
        """The head that moves from there to the last row made."""
        return Head(self.number, was, self.seq, self.at, self.chain)

    def batch(self, *bodies: bytes, records: tuple[Record, ...] = ()) -> Batch:
        """The next rows, with their head."""
        was = self.seq
        rows = [self.row(body) for body in bodies]
        return Batch(rows, [self.head(was)], list(records))


class StoreCase(unittest.TestCase):
    """A test with a store, which waits for what the store answers."""

    def setUp(self) -> None:
        """Every test has calls of its own."""
        self.calls = Calls()

    def folder(self) -> Path:
        """A folder for this test's files."""
        folder = TemporaryDirectory(prefix="relaychat-store-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def sqlite(self, path: Path | None = None, **options: Any) -> SqliteStore:
        """A store on a file, not open yet; closed behind the test."""
        path = path or self.folder() / "relaychat.db"
        calls = self.calls
        store = SqliteStore(path, calls.from_thread, **options)
        self.addCleanup(lambda: calls.wait(store.close()))
        return store

    def wait(self, asked: Deferred[T]) -> T:
        """What a Deferred fires with."""
        return self.calls.wait(asked)

    def opened(self, store: T) -> T:
        """The same store, open."""
        store.open(())  # type: ignore[attr-defined]
        return store

    def commit(self, store: Store, batch: Batch) -> Outcome:
        """The outcome of a batch."""
        return self.wait(store.commit(batch))

    def keep(self, store: Store, batch: Batch) -> int:
        """Commit what nothing is wrong with; its first pos."""
        outcome = self.commit(store, batch)
        assert isinstance(outcome, Committed), outcome
        return outcome.first_pos

    def bodies(self, store: Store, room: int) -> list[bytes]:
        """The first page of a room's log."""
        return [one.body for one in self.wait(store.page(room, 0, 2**53, 1000))]


class Contract(StoreCase):
    """The base of all suites: where stores come from."""

    def fresh(self) -> Store:
        """A store that is not open, on nothing."""
        raise NotImplementedError

    def again(self) -> Store:
        """A store that is not open, on what the last one has."""
        raise NotImplementedError

    def open(self) -> Store:
        """An empty store, open."""
        return self.opened(self.fresh())


def heads(snapshot: Snapshot) -> dict[int, int]:
    """How far each room has come."""
    return {room: head.seq for room, head in snapshot.heads.items()}
