"""What every store must have when it is opened again."""

from __future__ import annotations

from relaychat.store.api import (
    Batch,
    Committed,
    Failed,
    Head,
    Record,
    StoreBroken,
    StoreLocked,
)
from tests.store.stores import Contract, RoomLog, heads


class StartContract(Contract):
    """What is there at the start."""

    def test_empty(self) -> None:
        """A fresh store holds nothing."""
        snapshot = self.fresh().open(("room", "user"))
        self.assertEqual(snapshot.heads, {})
        self.assertEqual(snapshot.records, {"room": {}, "user": {}})
        self.assertEqual(
            (snapshot.last_pos, snapshot.last_room, snapshot.last_device), (0, 0, 0)
        )

    def test_all_of_it_is_there_again(self) -> None:
        """Heads, records and counters outlive the server; kinds not asked for stay."""
        store, room = self.open(), RoomLog(4)
        records = (
            Record("room", "4", b"tea"),
            Record("user", "ann", b"1"),
            Record("account", "ann", b"secret"),
        )
        self.keep(store, room.batch(b"a", b"b", records=records))
        self.wait(store.close())
        snapshot = self.again().open(("room", "user"))
        self.assertEqual(snapshot.heads, {4: Head(4, 2, 2, room.at, room.chain)})
        expected = {"room": {"4": b"tea"}, "user": {"ann": b"1"}}
        self.assertEqual(snapshot.records, expected)
        self.assertEqual((snapshot.last_pos, snapshot.last_room), (2, 4))

    def test_the_log_goes_on(self) -> None:
        """After a restart pos and seq continue where they were."""
        store, room = self.open(), RoomLog(1)
        self.keep(store, room.batch(b"a", b"b"))
        self.wait(store.close())
        store = self.opened(self.again())
        self.assertEqual(self.keep(store, room.batch(b"c")), 3)
        self.assertEqual(self.bodies(store, 1), [b"a", b"b", b"c"])

    def test_records_change_in_order(self) -> None:
        """Of several words about one record in a batch the last one counts."""
        store = self.open()
        self.keep(
            store, Batch(records=[Record("k", "a", b"1"), Record("k", "b", b"1")])
        )
        self.keep(
            store,
            Batch(
                records=[
                    Record("k", "a", b"2"),
                    Record("k", "b", None),
                    Record("k", "c", b"3"),
                    Record("k", "c", None),
                    Record("k", "d", None),
                    Record("k", "d", b"4"),
                    Record("other", "a", b"5"),
                ]
            ),
        )
        read = [self.wait(store.record("k", key)) for key in "abcd"]
        self.assertEqual(read, [b"2", None, None, b"4"])
        self.wait(store.close())
        snapshot = self.again().open(("k",))
        self.assertEqual(snapshot.records, {"k": {"a": b"2", "d": b"4"}})

    def test_many_records(self) -> None:
        """A thousand records go in, and out again, in one batch."""
        store = self.open()
        names = [f"näme {n}" for n in range(1100)]
        self.keep(store, Batch(records=[Record("k", name, b"x") for name in names]))
        self.keep(store, Batch(records=[Record("k", name, None) for name in names[1:]]))
        self.wait(store.close())
        self.assertEqual(self.again().open(("k",)).records, {"k": {names[0]: b"x"}})

    def test_sealed_rooms_keep_their_number(self) -> None:
        """A sealed room has no head any more; its number is not given again."""
        store, room, other = self.open(), RoomLog(9), RoomLog(3)
        self.keep(store, other.batch(b"x"))
        self.keep(store, room.batch(b"a", records=(Record("sealed", "9", b"tea"),)))
        self.wait(store.close())
        store = self.again()
        snapshot = store.open(("sealed",))
        self.assertEqual(heads(snapshot), {3: 1})
        self.assertEqual(snapshot.last_room, 9)
        self.assertEqual(snapshot.records, {"sealed": {"9": b"tea"}})
        self.assertEqual(self.bodies(store, 9), [b"a"])

    def test_a_room_without_a_log_has_a_number_too(self) -> None:
        """Records of kind room and sealed count for the highest number."""
        store = self.open()
        self.keep(store, Batch(records=[Record("room", "12", b"x")]))
        self.keep(store, Batch(records=[Record("sealed", "15", b"x")]))
        self.wait(store.close())
        self.assertEqual(self.again().open(()).last_room, 15)

    def test_devices_are_never_numbered_twice(self) -> None:
        """The highest origin counts, from rows and device records, also of dropped
        ones."""
        store, room = self.open(), RoomLog(1)
        self.keep(store, Batch([room.row(b"a", origin=6)], [room.head(0)]))
        self.keep(store, Batch([room.row(b"a", origin=-70)], [room.head(1)]))
        self.wait(store.close())
        store = self.again()
        self.assertEqual(store.open(()).last_device, 6)
        device = Record("device", "ab", b'{"number":11,"owner":"ann"}')
        self.keep(store, Batch(records=[device, Record("device", "x", b"?")]))
        self.keep(store, Batch(records=[Record("device", "ab", None)]))
        self.wait(store.close())
        self.assertEqual(self.again().open(()).last_device, 11)

    def test_locked(self) -> None:
        """A second server on the same data is refused, until the first one is gone."""
        store = self.open()
        second = self.again()
        with self.assertRaisesRegex(StoreLocked, "in use by another server"):
            second.open(())
        self.wait(store.close())
        second.open(())

    def test_closed(self) -> None:
        """A closed store refuses commits, fails reads, and closes again without
        harm."""
        store, room = self.open(), RoomLog(1)
        answer = store.commit(room.batch(b"a"))
        closed = store.close()
        self.assertEqual(self.wait(answer), Committed(1))
        self.wait(closed)
        self.assertIsInstance(self.commit(store, room.batch(b"b")), Failed)
        with self.assertRaises(StoreBroken):
            self.wait(store.page(1, 0, 10, 10))
        self.wait(store.close())
        store = self.opened(self.again())
        self.assertEqual(self.bodies(store, 1), [b"a"])
