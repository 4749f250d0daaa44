"""What every store must give when it is read."""

from __future__ import annotations

from relaychat.model.chain import body_digest
from relaychat.store.api import Batch, Blank, Entry, Proof, Record
from relaychat.store.checks import PAGE_BYTES
from tests.store.stores import Contract, RoomLog


class ReadContract(Contract):
    """Pages, merges, searches."""

    def setUp(self) -> None:
        """Most of these read the same log."""
        super().setUp()
        self.store = self.open()

    def seqs(self, *values: int, newest: bool = False) -> list[int]:
        """The seqs of a page of room 1."""
        after, before, limit = values
        page = self.wait(self.store.page(1, after, before, limit, newest))
        return [one.seq for one in page]

    def test_page(self) -> None:
        """A page has what lies strictly between, nearest to the side that is asked
        for."""
        room = RoomLog(1)
        self.keep(self.store, room.batch(*[b"%d" % n for n in range(1, 11)]))
        self.keep(self.store, RoomLog(2).batch(b"other"))
        self.assertEqual(self.seqs(0, 100, 100), list(range(1, 11)))
        self.assertEqual(self.seqs(3, 7, 100), [4, 5, 6])
        self.assertEqual(self.seqs(3, 100, 2), [4, 5])
        self.assertEqual(self.seqs(3, 100, 2, newest=True), [9, 10])
        self.assertEqual(self.seqs(3, 9, 3, newest=True), [6, 7, 8])
        self.assertEqual(self.seqs(10, 100, 5), [])
        self.assertEqual(self.seqs(3, 4, 5), [])
        self.assertEqual(self.wait(self.store.page(5, 0, 100, 5)), [])

    def test_a_page_is_bounded_in_bytes(self) -> None:
        """It ends with the entry that crosses the line, and always has one."""
        room = RoomLog(1)
        third = b"x" * (PAGE_BYTES // 3)
        self.keep(self.store, room.batch(third, third, third, third, third))
        self.assertEqual(self.seqs(0, 100, 100), [1, 2, 3, 4])
        self.assertEqual(self.seqs(0, 100, 100, newest=True), [2, 3, 4, 5])
        self.keep(self.store, room.batch(b"x" * PAGE_BYTES * 2, b"y"))
        self.assertEqual(self.seqs(5, 100, 100), [6])
        self.assertEqual(self.seqs(0, 7, 100, newest=True), [6])

    def test_stretch(self) -> None:
        """Entries that were said in one go are read one by one, wherever a page begins
        and ends."""
        room = RoomLog(1)
        rows = [room.row(b"a"), room.row(b"b", more=(b"c", b"", b"e")), room.row(b"f")]
        self.keep(self.store, Batch(rows, [room.head(0)]))
        self.keep(self.store, room.batch(b"g"))
        for after in range(8):
            for before in range(9):
                between = list(range(after + 1, min(before, 8)))
                self.assertEqual(self.seqs(after, before, 9), between)
                self.assertEqual(self.seqs(after, before, 2), between[:2])
                newest = self.seqs(after, before, 2, newest=True)
                self.assertEqual(newest, between[-2:])
        merged = self.wait(self.store.merged({1: 2}, 3))
        self.assertEqual(
            [(one.pos, one.seq, one.body) for one in merged],
            [(3, 3, b"c"), (4, 4, b""), (5, 5, b"e")],
        )
        at = rows[1].at
        found = [self.wait(self.store.seek(1, at + more)) for more in (-1, 0, 1, 2)]
        self.assertEqual(found, [1, 2, 6, 7])
        self.keep(self.store, Batch(blanks=[Blank(1, 3, b"-----", b"3" * 16)]))
        self.assertEqual(
            self.bodies(self.store, 1), [b"a", b"b", b"-----", b"", b"e", b"f", b"g"]
        )
        digests = [one.digest for one in self.wait(self.store.proofs(1, 1, 4))]
        self.assertEqual(digests, [None, b"3" * 16, None, None])

    def test_merged(self) -> None:
        """Entries of several rooms come in the order of their commit."""
        rooms = {number: RoomLog(number) for number in (1, 2, 3)}
        for number in (1, 2, 1, 3, 2, 2, 1):
            self.keep(self.store, rooms[number].batch(b"%d" % number))
        got = self.wait(self.store.merged({1: 0, 2: 1, 9: 4}, 100))
        self.assertEqual(
            [(one.pos, one.room, one.seq) for one in got],
            [(1, 1, 1), (3, 1, 2), (5, 2, 2), (6, 2, 3), (7, 1, 3)],
        )
        self.assertEqual(self.wait(self.store.merged({}, 100)), [])
        self.assertEqual(self.wait(self.store.merged({3: 1}, 100)), [])

    def test_merged_has_no_hole(self) -> None:
        """Whatever the limit, reading on from what was given reads everything."""
        rooms = [RoomLog(number) for number in range(1, 6)]
        body = b"x" * 1500
        for turn in range(12):
            rows, moved = [], []
            for room in rooms[: 1 + turn % 5]:
                was = room.seq
                rows += [room.row(body) for _ in range(1 + (turn * room.number) % 7)]
                moved.append(room.head(was))
            self.keep(self.store, Batch(rows, moved))
        everything = sum(room.seq for room in rooms)
        for limit in (1, 3, 10, 1000):
            cursors = {room.number: 0 for room in rooms}
            read: list[Entry] = []
            while page := self.wait(self.store.merged(cursors, limit)):
                self.assertTrue(len(page) <= limit)
                for one in page:
                    self.assertEqual(one.seq, cursors[one.room] + 1)
                    cursors[one.room] = one.seq
                read += page
            self.assertEqual([one.pos for one in read], list(range(1, everything + 1)))

    def test_merged_is_bounded_in_bytes(self) -> None:
        """As a page is."""
        rooms = [RoomLog(1), RoomLog(2)]
        for room in rooms * 4:
            self.keep(self.store, room.batch(b"x" * (PAGE_BYTES // 2)))
        got = self.wait(self.store.merged({1: 0, 2: 0}, 100))
        self.assertEqual([one.pos for one in got], [1, 2])

    def test_seek(self) -> None:
        """The first entry not before a time, among entries of the same time as well."""
        room = RoomLog(1, at=0)
        times = [10, 10, 20, 20, 20, 35, 40]
        rows = [room.row(b"x", later=at - room.at) for at in times]
        self.keep(self.store, Batch(rows, [room.head(0)]))
        found = [self.wait(self.store.seek(1, at)) for at in (0, 10, 11, 20, 34, 40)]
        self.assertEqual(found, [1, 1, 3, 3, 6, 7])
        self.assertEqual(self.wait(self.store.seek(1, 41)), 8)
        self.assertEqual(self.wait(self.store.seek(2, 5)), 1)

    def test_about(self) -> None:
        """Edits, redactions and reactions are found by what they are about."""
        room, other = RoomLog(1), RoomLog(2)
        rows = [room.row(b"said"), room.row(b"edit", ref=1), room.row(b"said")]
        rows += [room.row(b"react", ref=1), room.row(b"react", ref=3)]
        self.keep(self.store, Batch(rows, [room.head(0)]))
        elsewhere = [other.row(b"a"), other.row(b"b", ref=1)]
        self.keep(self.store, Batch(elsewhere, [other.head(0)]))
        found = self.wait(self.store.about(1, 1))
        self.assertEqual(
            [(one.seq, one.body) for one in found], [(2, b"edit"), (4, b"react")]
        )
        self.assertEqual(self.wait(self.store.about(1, 2)), [])

    def test_high(self) -> None:
        """The highest cid of an origin, whatever room it is in."""
        room = RoomLog(1)
        rows = [room.row(b"a", 3, 8), room.row(b"b", 3, 2), room.row(b"c", 3)]
        self.keep(self.store, Batch(rows, [room.head(0)]))
        self.assertEqual(self.wait(self.store.high(3)), 8)
        self.assertEqual(self.wait(self.store.high(4)), 0)

    def test_blanked(self) -> None:
        """A blanked body is gone; the digest of the first one stays, however often."""
        room = RoomLog(1)
        self.keep(self.store, room.batch(b"secret", b"b"))
        first = Blank(1, 1, b"gone", body_digest(b"secret"))
        again = Blank(1, 1, b"gone again", body_digest(b"gone"))
        nowhere = Blank(1, 77, b"x", body_digest(b"x"))
        self.keep(self.store, Batch(blanks=[first]))
        self.keep(self.store, Batch(blanks=[again, nowhere]))
        self.assertEqual(self.bodies(self.store, 1), [b"gone again", b"b"])
        one, two = self.wait(self.store.proofs(1, 0, 10))
        self.assertEqual(
            (one.body, one.digest), (b"gone again", body_digest(b"secret"))
        )
        self.assertIsNone(two.digest)

    def test_blanked_in_the_batch_that_brought_it(self) -> None:
        """Said and redacted in one turn."""
        room = RoomLog(1)
        batch = room.batch(b"secret")
        batch.blanks = [Blank(1, 1, b"", body_digest(b"secret"))]
        self.keep(self.store, batch)
        self.assertEqual(self.bodies(self.store, 1), [b""])

    def test_proofs(self) -> None:
        """What verifies an entry, in order and from a place on."""
        room = RoomLog(1)
        rows = [room.row(b"%d" % n) for n in range(1, 6)]
        self.keep(self.store, Batch(rows, [room.head(0)]))
        expected = [Proof(one.seq, one.at, one.body, one.chain, None) for one in rows]
        self.assertEqual(self.wait(self.store.proofs(1, 0, 100)), expected)
        self.assertEqual(self.wait(self.store.proofs(1, 2, 2)), expected[2:4])
        self.assertEqual(self.wait(self.store.proofs(1, 5, 2)), [])

    def test_records_of_a_kind(self) -> None:
        """Records of a kind are listed by key, a page at a time."""
        keys = ["b", "a", "\u00e9", "~1", "\U0001f600", "B"]
        records = [Record("k", key, key.encode()) for key in keys]
        self.keep(self.store, Batch(records=[*records, Record("other", "c", b"")]))
        found, after = [], ""
        while page := self.wait(self.store.records("k", after, 2)):
            self.assertLessEqual(len(page), 2)
            found += page
            after = page[-1][0]
        order = sorted(keys, key=str.encode)
        self.assertEqual(found, [(key, key.encode()) for key in order])
        self.keep(self.store, Batch(records=[Record("k", "a", None)]))
        self.assertEqual(self.wait(self.store.records("k", "B", 1)), [("b", b"b")])
        self.assertEqual(self.wait(self.store.records("none", "", 9)), [])

    def test_records_that_are_not_there(self) -> None:
        """A record is there or it is not; strange keys are only strange."""
        self.assertIsNone(self.wait(self.store.record("k", "a'; --")))
        self.assertIsNone(self.wait(self.store.record("", "")))
