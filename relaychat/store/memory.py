"""The store in memory: the test twin of the one on a disk, with the disk's troubles.

A ``Ledger`` is the disk: it holds exactly what was committed. A ``MemoryStore`` is one
server's hold on it. A crash is ``store.crash()``, then another store on the same
ledger.

Everything fires at once, in the caller's thread, unless it is held::

    store.hold()               # a slow disk: commits wait ...
    store.release()            # ... and are carried out now, in order
    store.full = True          # a full disk: commits are Failed until it is False
    store.doubt_next(kept=True)   # the next commit is InDoubt, and in the log or not
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from heapq import merge, nsmallest
from itertools import islice
from operator import attrgetter
from typing import TypeVar

from msgspec import Struct
from twisted.internet.defer import Deferred, execute, fail, succeed

from relaychat.store.api import (
    Batch,
    Entry,
    Failed,
    First,
    InDoubt,
    Outcome,
    Proof,
    Snapshot,
    StoreBroken,
    StoreLocked,
)
from relaychat.store.checks import ABOUT_ENTRIES
from relaychat.store.ledger import Ledger, bounded, page

T = TypeVar("T")


class Waiting(Struct):
    """A commit that was given and not carried out yet."""

    batch: Batch
    answer: Deferred[Outcome]


class MemoryStore:
    """A ``Store`` on a ledger."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self.full = False
        self.waiting: deque[Waiting] = deque()
        """Commits that are held, oldest first."""
        self.committed: list[Batch] = []
        """Batches that were committed through this store, oldest first."""
        self._held = False
        self._reads_held = False
        self._reads: deque[Callable[[], None]] = deque()
        self._next_doubt: bool | None = None
        self._doubt: InDoubt | None = None
        self._open = False
        self._crashed = False

    # -- the disk's troubles ----------------------------------------------------------

    def hold(self, *, reads: bool = False) -> None:
        """From now on commits wait, and reads too if asked."""
        self._held = True
        self._reads_held = reads

    def release(self, count: int | None = None) -> None:
        """Carry out held commits: the oldest so many, which leaves the others held, or
        all of them and the reads, which ends the holding."""
        left = count
        while self.waiting and left != 0:
            one = self.waiting.popleft()
            one.answer.callback(self._carry_out(one.batch))
            left = None if left is None else left - 1
        if count is None:
            # Only now: what an answer has made its caller commit came behind the
            # others.
            self._held = self._reads_held = False
            while self._reads:
                self._reads.popleft()()

    def doubt_next(self, *, kept: bool) -> None:
        """The next commit is InDoubt; ``kept`` says whether it is in the log after
        all."""
        self._next_doubt = kept

    def crash(self) -> None:
        """The server dies here: nothing that it waits for comes, its lock is gone."""
        self._crashed = True
        self.waiting.clear()
        self._reads.clear()
        if self._open:
            self._open = self.ledger.locked = False

    # -- the interface ----------------------------------------------------------------

    def open(self, kinds: tuple[str, ...]) -> Snapshot:
        """See ``api.Store``."""
        if self.ledger.locked:
            raise StoreLocked("this ledger is in use by another server")
        self._open = self.ledger.locked = True
        return self.ledger.snapshot(kinds)

    def commit(self, batch: Batch) -> Deferred[Outcome]:
        """See ``api.Store``."""
        if self._crashed:
            return Deferred()
        if not self._open:
            return succeed(Failed("the store is closed"))
        if self._held:
            answer: Deferred[Outcome] = Deferred()
            self.waiting.append(Waiting(batch, answer))
            return answer
        return succeed(self._carry_out(batch))

    def _carry_out(self, batch: Batch) -> Outcome:
        if self._doubt is None and self._next_doubt is not None:
            if self._next_doubt and self.ledger.refusal(batch) is None:
                self.ledger.write(batch)
            self._doubt = InDoubt("the disk did not say")
        if self._doubt is not None:
            return self._doubt
        if self.full:
            return Failed("the disk is full")
        refusal = self.ledger.refusal(batch)
        if refusal is None:
            self.committed.append(batch)
            return self.ledger.write(batch)
        if isinstance(refusal, InDoubt):
            self._doubt = refusal
        return refusal

    def page(
        self, room: int, after: int, before: int, limit: int, newest: bool = False
    ) -> Deferred[list[Entry]]:
        """See ``api.Store``."""

        def read() -> list[Entry]:
            lines = self.ledger.between(room, after, before)
            if not newest:
                return page(lines, limit)
            return page(reversed(lines), limit)[::-1]

        return self._read(read)

    def merged(self, cursors: dict[int, int], limit: int) -> Deferred[list[Entry]]:
        """See ``api.Store``."""

        def read() -> list[Entry]:
            logs = (
                self.ledger.between(room, after, 2**63)
                for room, after in cursors.items()
            )
            return page(merge(*logs, key=attrgetter("pos")), limit)

        return self._read(read)

    def seek(self, room: int, at: int) -> Deferred[int]:
        """See ``api.Store``."""

        def read() -> int:
            lines = self.ledger.rooms.get(room, [])
            index = bisect_left(lines, at, key=lambda line: line.row.at)
            if index < len(lines):
                return lines[index].seq
            return lines[-1].seq + 1 if lines else 1

        return self._read(read)

    def about(self, room: int, ref: int) -> Deferred[list[Entry]]:
        """See ``api.Store``."""

        def read() -> list[Entry]:
            lines = self.ledger.rooms.get(room, [])
            about = (line.entry() for line in lines if line.row.ref == ref)
            return list(islice(about, ABOUT_ENTRIES))

        return self._read(read)

    def record(self, kind: str, key: str) -> Deferred[bytes | None]:
        """See ``api.Store``."""
        return self._read(lambda: self.ledger.records.get((kind, key)))

    def records(
        self, kind: str, after: str, limit: int
    ) -> Deferred[list[tuple[str, bytes]]]:
        """See ``api.Store``."""

        def read() -> list[tuple[str, bytes]]:
            found = (
                (key, body)
                for (one, key), body in self.ledger.records.items()
                if one == kind and key > after
            )
            return nsmallest(limit, found)

        return self._read(read)

    def first(self, origin: int, cid: int) -> Deferred[First | None]:
        """See ``api.Store``."""
        return self._read(lambda: self.ledger.first(origin, cid))

    def high(self, origin: int) -> Deferred[int]:
        """See ``api.Store``."""
        return self._read(
            lambda: max(
                (cid for one, cid in self.ledger.cids if one == origin), default=0
            )
        )

    def proofs(self, room: int, after: int, limit: int) -> Deferred[list[Proof]]:
        """See ``api.Store``."""

        def read() -> list[Proof]:
            lines = bounded(self.ledger.between(room, after, 2**63), limit)
            return [
                Proof(line.seq, line.row.at, line.row.body, line.row.chain, line.digest)
                for line in lines
            ]

        return self._read(read)

    def close(self) -> Deferred[None]:
        """See ``api.Store``."""
        if self._crashed:
            return Deferred()
        self.release()
        if self._open:
            self._open = self.ledger.locked = False
        return succeed(None)

    def _read(self, read: Callable[[], T]) -> Deferred[T]:
        if self._crashed:
            return Deferred()
        if not self._open:
            return fail(StoreBroken("the store is closed"))
        if not self._reads_held:
            return execute(read)
        answer: Deferred[T] = Deferred()
        self._reads.append(lambda: answer.callback(read()))
        return answer
