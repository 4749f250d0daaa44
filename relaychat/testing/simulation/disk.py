"""The server's disk: what it holds survives the server, and it has troubles of its own.

A ``Disk`` is a ledger with a temper. A ``DiskStore`` is one server's hold on it, a
``Store``: commits are carried out in their order, each after the time that a sync
takes, and answered a moment later. A server that is killed in between finds at its
next start exactly what was synced, and nobody was answered.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from relaychat.hub.records import RoomRecord
from relaychat.model.world import World
from relaychat.store.api import (
    Batch,
    Committed,
    Entry,
    First,
    Outcome,
    Proof,
    Snapshot,
)
from relaychat.store.ledger import Ledger
from relaychat.store.memory import MemoryStore

T = TypeVar("T")

Trouble = Literal["fail", "doubt_kept", "doubt_lost", "kill_before", "kill_after"]
"""What becomes of a commit: surely not kept; in doubt, and kept or not; the server dies
just before it, or just behind it and before the answer."""

NAMES: dict[Trouble, str] = {
    "fail": "failing commits",
    "doubt_kept": "doubt, kept",
    "doubt_lost": "doubt, lost",
    "kill_before": "kill before commit",
    "kill_after": "kill after commit",
}
"""What they are called in a plan."""
READ_S = 0.0003
"""A read of some pages, as measured on a small server."""
SYNC_S = 0.0005
"""An fsync, likewise. A run's disk may be a slower one."""
HOP_S = 0.0001
"""From the writer's thread to the reactor's."""


class Disk:
    """See the module. Troubles that are put on it befall the next commits."""

    def __init__(self, seed: str, sync_s: float = SYNC_S) -> None:
        self.sync_s = sync_s
        self.ledger = Ledger()
        self.full = False
        self.slow_s = 0.0
        """Added to every sync and every read."""
        self.in_doubt = False
        """A commit was in doubt: its server has a reason to stop."""
        self.troubles: list[Trouble] = []
        self.kill: Callable[[], None] = lambda: None
        """Ends the server that uses it."""
        self.befell: Counter[str] = Counter()
        """Which troubles took effect, and how often."""
        self.committed_us: dict[int, list[int]] = {}
        """By room, when each entry was synced."""
        self.blanked_us: dict[int, dict[int, int]] = {}
        """By room and seq, when what was redacted had left the log."""
        self.numbers: dict[str, int] = {}
        """The number of the room with this epoch, also if it is sealed by now."""
        self.chance = random.Random(seed)

    def calm(self) -> None:
        """No more troubles."""
        self.full = False
        self.slow_s = 0.0
        self.troubles.clear()

    def note(self, batch: Batch, at_us: int) -> None:
        """A batch is durable."""
        for row in batch.rows:
            seen = self.committed_us.setdefault(row.room, [])
            seen += [at_us] * len(row.bodies)
        for record in batch.records:
            if record.kind == "room" and record.body is not None:
                room = msgspec.json.decode(record.body, type=RoomRecord)
                self.numbers[room.epoch] = int(record.key)
        for blank in batch.blanks:
            self.blanked_us.setdefault(blank.room, {}).setdefault(blank.seq, at_us)


class DiskStore:
    """A ``Store`` on a disk, for one server."""

    def __init__(self, disk: Disk, world: World) -> None:
        self._disk = disk
        self._world = world
        self._memory = MemoryStore(disk.ledger)
        self.under_way = 0
        """Commits that are not answered yet."""
        self.pages = 0
        """Parts of the log that were read for readers who lacked them."""
        self._free_us = 0
        """When the writer has done what it was given."""

    def open(self, kinds: tuple[str, ...]) -> Snapshot:
        """See ``api.Store``."""
        return self._memory.open(kinds)

    def crash(self) -> None:
        """Its server is dead."""
        self._memory.crash()

    def commit(self, batch: Batch) -> Deferred[Outcome]:
        """See ``api.Store``."""
        answer: Deferred[Outcome] = Deferred()
        self.under_way += 1
        self._later(self._disk.sync_s, lambda: self._sync(batch, answer))
        return answer

    def _later(self, typical_s: float, call: Callable[[], None]) -> None:
        """Behind all that it was given before."""
        disk, now_us = self._disk, self._world.monotonic_us()
        took_s = typical_s * disk.chance.uniform(0.5, 3) + disk.slow_s
        self._free_us = max(self._free_us, now_us) + round(took_s * 1e6)
        self._world.later((self._free_us - now_us) / 1e6, call)

    def _sync(self, batch: Batch, answer: Deferred[Outcome]) -> None:
        disk, memory = self._disk, self._memory
        trouble = disk.troubles.pop(0) if disk.troubles else None
        if trouble is not None:
            disk.befell[NAMES[trouble]] += 1
        if trouble == "kill_before":
            disk.kill()
            return
        if trouble in ("doubt_kept", "doubt_lost"):
            disk.in_doubt = True
            memory.doubt_next(kept=trouble == "doubt_kept")
        memory.full = disk.full or trouble == "fail"
        last_pos = disk.ledger.last_pos
        answered = memory.commit(batch)
        if disk.ledger.last_pos > last_pos or _is_committed(answered):
            disk.note(batch, self._world.monotonic_us())
        if trouble == "kill_after":
            disk.kill()
            return
        self._world.later(HOP_S, lambda: self._answer(answered, answer))

    def _answer(self, answered: Deferred[Outcome], answer: Deferred[Outcome]) -> None:
        self.under_way -= 1
        answered.chainDeferred(answer)

    def page(
        self, room: int, after: int, before: int, limit: int, newest: bool = False
    ) -> Deferred[list[Entry]]:
        """See ``api.Store``."""
        return self._read(lambda: self._memory.page(room, after, before, limit, newest))

    def merged(self, cursors: dict[int, int], limit: int) -> Deferred[list[Entry]]:
        """See ``api.Store``."""
        return self._read(lambda: self._memory.merged(cursors, limit)).addCallback(
            self._paged
        )

    def _paged(self, entries: list[Entry]) -> list[Entry]:
        self.pages += bool(entries)
        return entries

    def seek(self, room: int, at: int) -> Deferred[int]:
        """See ``api.Store``."""
        return self._read(lambda: self._memory.seek(room, at))

    def about(self, room: int, ref: int) -> Deferred[list[Entry]]:
        """See ``api.Store``."""
        return self._read(lambda: self._memory.about(room, ref))

    def record(self, kind: str, key: str) -> Deferred[bytes | None]:
        """See ``api.Store``."""
        return self._read(lambda: self._memory.record(kind, key))

    def records(
        self, kind: str, after: str, limit: int
    ) -> Deferred[list[tuple[str, bytes]]]:
        """See ``api.Store``."""
        return self._read(lambda: self._memory.records(kind, after, limit))

    def first(self, origin: int, cid: int) -> Deferred[First | None]:
        """See ``api.Store``."""
        return self._read(lambda: self._memory.first(origin, cid))

    def high(self, origin: int) -> Deferred[int]:
        """See ``api.Store``."""
        return self._read(lambda: self._memory.high(origin))

    def proofs(self, room: int, after: int, limit: int) -> Deferred[list[Proof]]:
        """See ``api.Store``."""
        return self._read(lambda: self._memory.proofs(room, after, limit))

    def close(self) -> Deferred[None]:
        """See ``api.Store``."""
        closed: Deferred[None] = Deferred()
        self._later(self._disk.sync_s, lambda: self._close(closed))
        return closed

    def _close(self, closed: Deferred[None]) -> None:
        self._memory.close().chainDeferred(closed)

    def _read(self, read: Callable[[], Deferred[T]]) -> Deferred[T]:
        """Reads have a connection of their own: they wait for no commit."""
        disk = self._disk
        answer: Deferred[T] = Deferred()
        took_s = READ_S * disk.chance.uniform(0.3, 3)

        def done() -> None:
            read().chainDeferred(answer)

        self._world.later(took_s + disk.slow_s, done)
        return answer


def _is_committed(answered: Deferred[Outcome]) -> bool:
    """Whether a commit that was answered at once is in the ledger."""
    result: Outcome | Failure | None = getattr(answered, "result", None)
    return isinstance(result, Committed)
