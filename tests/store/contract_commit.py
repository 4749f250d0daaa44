"""What every store must answer to a commit, and have kept or not afterwards."""

from __future__ import annotations

from relaychat.model.chain import START
from relaychat.store.api import (
    Batch,
    Committed,
    Duplicates,
    Entry,
    First,
    Head,
    InDoubt,
    Poison,
    Record,
    Row,
)
from relaychat.store.checks import BODY_LIMIT_BYTES
from tests.store.stores import AT, Contract, RoomLog, heads


class CommitContract(Contract):
    """What a commit answers, and what is there afterwards."""

    def test_rows_come_back_as_they_went_in(self) -> None:
        """A committed row is read with its place, time, body and origin."""
        store, room = self.open(), RoomLog(7)
        body = b'\x00{"text": "\xff"}\n'
        row = room.row(body, origin=-3, cid=5)
        self.assertEqual(self.keep(store, Batch([row], [room.head(0)])), 1)
        self.assertEqual(
            self.wait(store.page(7, 0, 10, 10)),
            [Entry(1, 7, 1, row.at, body, -3)],
        )

    def test_an_empty_body_is_a_body(self) -> None:
        """Nothing is said in a row without bytes, and it is there."""
        store, room = self.open(), RoomLog(1)
        self.keep(store, room.batch(b"", b"x", b""))
        self.assertEqual(self.bodies(store, 1), [b"", b"x", b""])

    def test_pos_rises_by_one_over_all_rooms(self) -> None:
        """``first_pos`` continues where the batch before ended, also after a
        refusal."""
        store, one, two = self.open(), RoomLog(1), RoomLog(2)
        self.assertEqual(self.keep(store, one.batch(b"a", b"b", b"c")), 1)
        refused = Batch([Row(1, 2**63, AT, b"x", START)])
        self.assertIsInstance(self.commit(store, refused), Poison)
        self.assertEqual(self.keep(store, two.batch(b"d")), 4)
        self.assertEqual(self.keep(store, one.batch(b"e")), 5)

    def test_many_rows_in_one_batch(self) -> None:
        """A batch is whole whatever its size is, in many rooms at once."""
        store = self.open()
        rooms = [RoomLog(number) for number in range(1, 8)]
        rows = [rooms[n % 7].row(b"%d" % n, origin=1, cid=n + 1) for n in range(1501)]
        self.keep(store, Batch(rows, [room.head(0) for room in rooms]))
        got = self.wait(store.merged({room.number: 0 for room in rooms}, 2000))
        self.assertEqual([one.body for one in got], [b"%d" % n for n in range(1501)])
        self.assertEqual([one.pos for one in got], list(range(1, 1502)))

    def test_an_empty_batch(self) -> None:
        """Nothing to keep is kept at once."""
        self.assertEqual(self.commit(self.open(), Batch()), Committed(1))

    def test_commits_are_answered_in_order(self) -> None:
        """Batches given together are carried out as they were given."""
        store, room = self.open(), RoomLog(1)
        answers = [store.commit(room.batch(b"%d" % n)) for n in range(20)]
        outcomes = [self.wait(answer) for answer in answers]
        self.assertEqual(outcomes, [Committed(n) for n in range(1, 21)])

    def test_reads_see_what_was_committed(self) -> None:
        """A read asked for behind an answered commit sees all of it, every time."""
        store, room = self.open(), RoomLog(1)
        for n in range(1, 60):
            self.keep(store, room.batch(b"x"))
            self.assertEqual(len(self.wait(store.page(1, 0, 1000, 1000))), n)

    # -- duplicates -------------------------------------------------------------------

    def test_a_known_cid_is_told_with_its_first_use(self) -> None:
        """A cid that the log holds keeps the whole batch out, and each one is named."""
        store, room, other = self.open(), RoomLog(1), RoomLog(2)
        rows = [room.row(b"%d" % n, origin=9, cid=n) for n in (1, 2, 3)]
        self.keep(store, Batch(rows, [room.head(0)]))
        rows = [
            other.row(b"new", origin=9, cid=4),
            other.row(b"old", origin=9, cid=3),
            other.row(b"another's", origin=8, cid=1),
            other.row(b"old too", origin=9, cid=1),
        ]
        outcome = self.commit(store, Batch(rows, [other.head(0)]))
        expected = {1: First(1, 3, -3), 3: First(1, 1, -1)}
        self.assertEqual(outcome, Duplicates(expected))
        self.assertEqual(self.bodies(store, 2), [])
        self.assertEqual(self.wait(store.first(9, 3)), First(1, 3, -3))
        self.assertIsNone(self.wait(store.first(9, 4)))

    def test_after_duplicates_the_rest_is_kept(self) -> None:
        """What was refused with a duplicate is taken without it."""
        store, room = self.open(), RoomLog(1)
        self.keep(store, Batch([room.row(b"a", origin=1, cid=1)], [room.head(0)]))
        twice = RoomLog(1, seq=1)
        rows = [twice.row(b"a", 1, 1), twice.row(b"b", 1, 2)]
        outcome = self.commit(store, Batch(rows, [twice.head(1)]))
        self.assertEqual(outcome, Duplicates({0: First(1, 1, -1)}))
        self.keep(store, Batch([room.row(b"b", 1, 2)], [room.head(1)]))
        self.assertEqual(self.bodies(store, 1), [b"a", b"b"])

    def test_a_cid_is_unique_over_all_rooms(self) -> None:
        """The same cid of the same origin in another room is a duplicate as well."""
        store, room, other = self.open(), RoomLog(1), RoomLog(2)
        self.keep(store, Batch([room.row(b"a", 5, 5)], [room.head(0)]))
        outcome = self.commit(store, Batch([other.row(b"a", 5, 5)], [other.head(0)]))
        self.assertEqual(outcome, Duplicates({0: First(1, 1, -5)}))

    def test_rows_without_a_cid_are_never_duplicates(self) -> None:
        """An origin alone says nothing about sameness."""
        store, room = self.open(), RoomLog(1)
        rows = [room.row(b"a", origin=5), room.row(b"a", origin=5)]
        self.keep(store, Batch(rows, [room.head(0)]))
        self.assertEqual(self.bodies(store, 1), [b"a", b"a"])

    def test_one_cid_twice_in_a_batch(self) -> None:
        """The hub never asks for it; the later one is poison."""
        store, room = self.open(), RoomLog(1)
        rows = [room.row(b"a", 5, 5), room.row(b"b", 5, 6), room.row(b"c", 5, 5)]
        outcome = self.commit(store, Batch(rows, [room.head(0)]))
        self.assertEqual(outcome, Poison((2,)))
        self.assertEqual(self.bodies(store, 1), [])

    # -- poison -----------------------------------------------------------------------

    def test_values_that_can_not_be_stored(self) -> None:
        """A row that no store can hold is named, the rest of its batch is rolled
        back."""
        for wrong in (
            {"at": 2**63},
            {"seq": -(2**63) - 1},
            {"origin": 2**70, "cid": 1},
            {"cid": 2**64, "origin": 1},
            {"cid_hash": 2**63},
            {"ref": 2**63},
            {"body": None},
            {"body": bytes(BODY_LIMIT_BYTES + 4096)},
        ):
            store, room = self.open(), RoomLog(1)
            rows = [room.row(b"fine"), room.row(b"wrong"), room.row(b"fine too")]
            rows[1] = rows[1]._replace(**wrong)
            batch = Batch(rows, [room.head(0)], [Record("kind", "key", b"x")])
            self.assertEqual(self.commit(store, batch), Poison((1,)), list(wrong))
            self.assertEqual(self.bodies(store, 1), [])
            self.assertIsNone(self.wait(store.record("kind", "key")))
            good = RoomLog(1)
            self.keep(store, good.batch(b"fine"))

    def test_every_poisoned_row_is_named(self) -> None:
        """Also when they are far apart, and when duplicates are among the others."""
        store, room = self.open(), RoomLog(1)
        self.keep(store, Batch([room.row(b"a", 1, 1)], [room.head(0)]))
        rows = [room.row(b"x") for _ in range(700)]
        rows[0] = rows[0]._replace(origin=1, cid=1)
        for index in (3, 699):
            rows[index] = rows[index]._replace(ref=2**63)
        outcome = self.commit(store, Batch(rows, [room.head(1)]))
        self.assertEqual(outcome, Poison((3, 699)))

    def test_a_large_body_is_kept(self) -> None:
        """The limit is what it says."""
        store, room = self.open(), RoomLog(1)
        body = b"x" * BODY_LIMIT_BYTES
        self.keep(store, room.batch(body))
        self.assertEqual(self.bodies(store, 1), [body])

    # -- proofs of order --------------------------------------------------------------

    def test_a_head_that_is_elsewhere(self) -> None:
        """Somebody else moved the room: nothing can be trusted, for good."""
        for was in (0, 1, 3):
            store, room = self.open(), RoomLog(1)
            self.keep(store, room.batch(b"a", b"b"))
            row = room.row(b"c")
            moved = Head(1, was, 3, row.at, row.chain)
            self.assertIsInstance(self.commit(store, Batch([row], [moved])), InDoubt)
            other = RoomLog(2).batch(b"x")
            self.assertIsInstance(self.commit(store, other), InDoubt)
            self.assertEqual(self.bodies(store, 1), [b"a", b"b"])
            self.assertEqual(self.bodies(store, 2), [])

    def test_a_head_of_nothing(self) -> None:
        """A room that should be there and is not: doubt."""
        store, room = self.open(), RoomLog(1, seq=4)
        self.assertIsInstance(self.commit(store, room.batch(b"x")), InDoubt)

    def test_a_place_that_is_taken(self) -> None:
        """A seq is given once."""
        store, room = self.open(), RoomLog(1)
        self.keep(store, room.batch(b"a"))
        twice = RoomLog(1).row(b"b")
        self.assertIsInstance(self.commit(store, Batch([twice])), InDoubt)
        self.assertEqual(self.bodies(store, 1), [b"a"])

    def test_one_wrong_head_among_many(self) -> None:
        """All heads are proved, or none moves."""
        store = self.open()
        rooms = [RoomLog(number) for number in range(1, 30)]
        first = [room.row(b"a") for room in rooms]
        self.keep(store, Batch(first, [room.head(0) for room in rooms]))
        second = [room.row(b"b") for room in rooms]
        moved = [room.head(1) for room in rooms]
        moved[17] = moved[17]._replace(was=0)
        self.assertIsInstance(self.commit(store, Batch(second, moved)), InDoubt)
        self.wait(store.close())
        snapshot = self.again().open(())
        self.assertEqual(set(heads(snapshot).values()), {1})
