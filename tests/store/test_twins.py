"""Whatever is asked of them, the store in memory and the one on SQLite say the same."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relaychat.model.chain import body_digest
from relaychat.store import places
from relaychat.store.api import (
    STRETCH_ENTRIES,
    Batch,
    Blank,
    Committed,
    InDoubt,
    Record,
    Row,
    Store,
)
from relaychat.store.memory import MemoryStore
from tests.store.stores import AT, RoomLog, StoreCase

ROOMS = range(1, 5)
KINDS = ("device", "room", "sealed", "user")

small = st.integers(1, 12)


class Said(NamedTuple):
    """What one row is made of."""

    room: int
    size: int
    origin: int | None
    cid: int | None
    ref: int | None
    later: int
    more: int
    """Further entries of its stretch."""


class Asked(NamedTuple):
    """One batch; ``wrong`` is how it breaks the rules, if it does."""

    said: list[Said]
    records: list[Record]
    blanks: list[tuple[int, int]]
    wrong: str


said = st.builds(
    Said,
    room=st.sampled_from(ROOMS),
    size=st.sampled_from((0, 1, 40, 5000, 90_000)),
    origin=st.none() | st.integers(-3, 4),
    cid=st.none() | st.none() | st.integers(1, 90),
    ref=st.none() | small,
    later=st.integers(0, 3),
    more=st.sampled_from((0, 0, 0, 1, 3, STRETCH_ENTRIES - 1)),
)
records = st.builds(
    Record,
    st.sampled_from(KINDS),
    st.sampled_from(("1", "2", "3", "x")),
    st.none() | st.sampled_from((b"", b"text", b'{"number":7}', b'{"number":2}')),
)
batches = st.builds(
    Asked,
    st.lists(said, max_size=25),
    st.lists(records, max_size=4),
    st.lists(
        st.tuples(st.sampled_from(ROOMS), small | st.integers(1, 300)), max_size=3
    ),
    st.sampled_from(("",) * 12 + ("head", "seq", "poison")),
)


class Relay:
    """Makes batches as the hub does: what is refused is as if it had never been
    asked."""

    def __init__(self) -> None:
        self.rooms = {number: RoomLog(number) for number in ROOMS}

    def batch(self, asked: Asked) -> Batch:
        """The batch that asks for this."""
        was = {room.number: room.seq for room in self.rooms.values()}
        rows = [self._row(one, index) for index, one in enumerate(asked.said)]
        heads = [
            self.rooms[number].head(was[number])
            for number in sorted({one.room for one in asked.said})
        ]
        blanks = [
            Blank(room, seq, b"-", body_digest(b"%d" % seq))
            for room, seq in asked.blanks
        ]
        return self._break(Batch(rows, heads, list(asked.records), blanks), asked.wrong)

    def _row(self, one: Said, index: int) -> Row:
        body = bytes([index % 256]) * one.size
        room = self.rooms[one.room]
        plain = one.cid is None and one.ref is None
        more = (body[:3],) * one.more if plain else ()
        return room.row(body, one.origin, one.cid, one.ref, one.later, more)

    def _break(self, batch: Batch, wrong: str) -> Batch:
        if wrong == "head" and batch.heads:
            batch.heads[-1] = batch.heads[-1]._replace(was=99)
        if wrong == "seq" and batch.rows:
            batch.rows[-1] = batch.rows[-1]._replace(seq=1)
        if wrong == "poison" and batch.rows:
            batch.rows[len(batch.rows) // 2] = batch.rows[-1]._replace(at=2**63)
        return batch

    def undo(self, kept: dict[int, tuple[int, int, bytes]]) -> None:
        """Back to where the rooms were."""
        for number, (seq, at, chain) in kept.items():
            room = self.rooms[number]
            room.seq, room.at, room.chain = seq, at, chain

    def places(self) -> dict[int, tuple[int, int, bytes]]:
        """Where the rooms are."""
        return {
            number: (room.seq, room.at, room.chain)
            for number, room in self.rooms.items()
        }


class TwinTests(StoreCase):
    """Random batches and reads."""

    @settings(
        max_examples=90,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(batches, min_size=1, max_size=8), st.data())
    def test_both_say_the_same(self, turns: list[Asked], data: st.DataObject) -> None:
        """Outcomes, all reads, and what is there after a restart."""
        self.patch(places, "DUE_ROWS", data.draw(st.sampled_from((1, 40, 10_000))))
        memory = MemoryStore()
        path = self.folder() / "relaychat.db"
        sqlite = self.sqlite(path)
        relay = Relay()
        self.assertEqual(memory.open(KINDS), sqlite.open(KINDS))
        for asked in turns:
            stood = relay.places()
            batch = relay.batch(asked)
            ours = self.commit(memory, batch)
            theirs = self.commit(sqlite, batch)
            if isinstance(ours, InDoubt):
                self.assertIsInstance(theirs, InDoubt)
                break
            self.assertEqual(ours, theirs)
            if not isinstance(ours, Committed):
                relay.undo(stood)
        self.assert_same_reads(memory, sqlite, data)
        for store in (memory, sqlite):
            self.wait(store.close())
        again = MemoryStore(memory.ledger)
        self.assertEqual(again.open(KINDS), self.sqlite(path).open(KINDS))

    def assert_same_reads(
        self, memory: Store, sqlite: Store, data: st.DataObject
    ) -> None:
        """Every kind of read, with arguments of all sizes."""
        seq = st.integers(0, 60) | st.integers(0, 300)
        limit = st.sampled_from((1, 2, 5, 64, 100))
        for room in (*ROOMS, 9):
            values = (room, data.draw(seq), data.draw(seq), data.draw(limit))
            cursors = data.draw(st.dictionaries(st.sampled_from(ROOMS), seq))
            self.assertEqual(self.reads(memory, *values), self.reads(sqlite, *values))
            # Of a row that begins before a cursor all bytes count, in one of them.
            ours = self.wait(memory.merged(cursors, values[-1]))
            theirs = self.wait(sqlite.merged(cursors, values[-1]))
            self.assertEqual(bool(ours), bool(theirs))
            self.assertEqual(ours[: len(theirs)], theirs)
            if all(self.between(memory, *cursor) for cursor in cursors.items()):
                self.assertEqual(ours, theirs)

    def between(self, store: Store, room: int, seq: int) -> bool:
        """Whether a cursor is not in the middle of a stretch."""
        proofs = self.wait(store.proofs(room, seq - 1, 1))
        return not proofs or proofs[0].seq > seq or bool(proofs[0].chain)

    def reads(
        self,
        store: Store,
        room: int,
        one: int,
        two: int,
        limit: int,
    ) -> list[object]:
        """One of each."""
        return [
            self.wait(store.page(room, one, two, limit)),
            self.wait(store.page(room, one, two, limit, newest=True)),
            self.wait(store.proofs(room, one, limit)),
            self.wait(store.seek(room, AT + one)),
            self.wait(store.about(room, one)),
            self.wait(store.high(room - 3)),
            self.wait(store.first(room, one)),
            self.wait(store.record("room", str(room))),
        ]
