"""The turn: queue, decide, commit, deliver (H1 to H7)."""

from __future__ import annotations

import msgspec

from relaychat.hub import delivery
from relaychat.hub import hub as hub_module
from relaychat.hub.limits import Limits
from relaychat.hub.turn import Turn
from relaychat.model import commands as c
from relaychat.model.admission import Reflect
from relaychat.model.events import Done, Said
from relaychat.model.policy import PolicyChange
from relaychat.store.api import InDoubt
from relaychat.testing.snapshot import snapshot
from tests.hub.support import TERSE, HubTestCase, RecordingPeer, failed, poison


class TurnTests(HubTestCase):
    """Asked together: decided one by one, committed at once, told in order."""

    def test_batch(self) -> None:
        """What collects before a turn is one commit, and one write for each reader."""
        ann, bob = self.connect("ann"), self.connect("bob")
        self.do(bob, c.Join("#ops"))
        before = len(self.store.given)
        ann.ask(c.Join("#ops"), c.Say("#ops", "one"))
        bob.ask(c.Say("#ops", "two"))
        ann.ask(c.Say("#ops", "three"))
        self.run_hub()
        self.assertEqual(len(self.store.given), before + 1)
        self.assertEqual((ann.writes, bob.writes), (1, 1))
        events = [
            "joined #ops 2 ann",
            "said #ops 3 ann one",
            "said #ops 4 bob two",
            "said #ops 5 ann three",
        ]
        self.assertEqual(bob.heard(), [*events[:3], "ok #ops 4", events[3]])
        self.assertEqual(
            ann.heard(),
            [
                events[0],
                "room #ops 2",
                events[1],
                "ok #ops 3",
                *events[2:],
                "ok #ops 5",
            ],
        )

    def test_join_and_send(self) -> None:
        """A command is decided on the state after those before it."""
        ann = self.connect("ann")
        heard = self.do(ann, c.Say("#a", "no"), c.Join("#a"), c.Say("#a", "yes"))
        self.assertEqual(
            heard,
            [
                "error no_such_room",
                "joined #a 1 ann owner",
                "room #a 1",
                "said #a 2 ann yes",
                "ok #a 2",
            ],
        )

    def test_durable_before_visible(self) -> None:
        """Nothing leaves before the commit: no event, no answer, no query's result."""
        ann, bob = self.connect("ann"), self.connect("bob")
        self.do(ann, c.Join("#ops"))
        self.do(bob, c.Join("#ops"))
        ann.words()
        self.store.hold()
        ann.ask(c.Say("#ops", "hello"), c.Ping("x"))
        bob.ask(c.ListMembers("#ops"))
        self.run_hub(60)
        self.assertEqual((ann.writes, bob.writes), (0, 0))
        self.store.release()
        self.assertEqual(bob.heard(), ["said #ops 3 ann hello", "members"])
        self.assertEqual(ann.heard(), ["said #ops 3 ann hello", "ok #ops 3", "pong x"])

    def test_one_turn_at_a_time(self) -> None:
        """While a commit is on its way the next turn collects."""
        ann = self.connect("ann")
        self.do(ann, c.Join("#ops"))
        self.store.hold()
        ann.ask(c.Say("#ops", "one"))
        self.run_hub()
        ann.ask(c.Say("#ops", "two"))
        ann.ask(c.Say("#ops", "three"))
        self.run_hub(5)
        self.assertEqual(len(self.store.waiting), 1)
        self.store.release(1)
        self.run_hub()
        self.assertEqual(ann.heard(), ["said #ops 2 ann one", "ok #ops 2"])
        rows = [row for one in self.store.waiting for row in one.batch.rows]
        self.assertEqual([len(row.bodies) for row in rows], [2])
        self.store.release()
        self.assertEqual(len(ann.heard()), 4)

    def test_nothing_durable(self) -> None:
        """A turn without anything to keep makes no commit."""
        ann, bob = self.connect("ann"), self.connect("bob")
        self.do(ann, c.Join("#ops"))
        self.do(bob, c.Join("#ops"))
        commits = len(self.store.given)
        ann.words()
        self.do(bob, c.Type("#ops"), c.Ping(), c.SetAway("tea"))
        self.assertEqual(ann.heard(), ["typing #ops bob", "away bob tea"])
        self.assertEqual(len(self.store.given), commits)

    def test_seqs(self) -> None:
        """A room's log counts 1, 2, 3, whatever was refused between."""
        ann = self.connect("ann")
        self.do(ann, c.Join("#ops"), c.Say("#ops", "\0"), c.Say("#ops", "a"))
        self.store.script.append(failed)
        self.do(ann, c.Say("#ops", "lost"), c.Say("#ops", "lost too"))
        self.do(ann, c.Say("#ops", "b"), c.Part("#nowhere"), c.Say("#ops", "c"))
        self.reported()
        self.assertEqual([event.seq for event in self.log("#ops")], [1, 2, 3, 4])

    def test_time_never_goes_back(self) -> None:
        """When the clock is set back, entries keep the time of the one before."""
        ann = self.connect("ann")
        self.do(ann, c.Join("#ops"))
        first = self.log("#ops")[0].at
        self.world.set_wall(first - 3_600_000)
        self.do(ann, c.Say("#ops", "an hour earlier"))
        self.world.set_wall(first + 5)
        self.do(ann, c.Say("#ops", "later"))
        self.assertEqual(
            [event.at for event in self.log("#ops")], [first, first, first + 5]
        )

    def test_settled(self) -> None:
        """A session is told when its commands have left the hub, each answered once."""
        ann = self.connect("ann")
        self.do(ann, c.Join("#a"), c.Say("#a", "x"), c.Part("#b"), c.Rename("#"))
        self.assertEqual((ann.left, ann.answered), (ann.asked, ann.asked))

    def test_reflect(self) -> None:
        """An answer that a session makes itself keeps its place among the others."""
        ann = self.connect("ann")
        self.do(ann, c.Join("#a"))
        heard = self.do(ann, c.Say("#a", "x"), Reflect(Done(room="mine")), c.Ping("y"))
        self.assertEqual(heard, ["said #a 2 ann x", "ok #a 2", "ok mine", "pong y"])

    def test_after_gone(self) -> None:
        """What a session asked before it was lost is done, what comes later is not."""
        ann, bob = self.connect("ann"), self.connect("bob")
        self.do(bob, c.Join("#a"))
        self.do(ann, c.Join("#a"))
        bob.words()
        ann.ask(c.Say("#a", "last words"))
        self.hub.lost(ann, "lost", "cut")
        ann.ask(c.Say("#a", "from beyond"))
        self.run_hub()
        self.assertEqual(
            bob.heard(), ["said #a 3 ann last words", "left #a 4 ann cut lost"]
        )
        self.hub.lost(ann, "lost", "again")
        self.run_hub()
        self.assertEqual(bob.heard(), [])


class BoundsTests(HubTestCase):
    """Turns are bounded (H7)."""

    limits = Limits(turn_commands=3, turn_payload_bytes=100)

    def test_commands(self) -> None:
        """A turn takes so many commands; the others follow in the next, in order."""
        ann = self.connect("ann")
        heard = self.do(ann, *[c.Ping(str(n)) for n in range(10)])
        self.assertEqual(heard, [f"pong {n}" for n in range(10)])
        self.assertEqual(ann.writes, 0)

    def test_payload(self) -> None:
        """A turn takes so much text."""
        ann = self.connect("ann")
        self.do(ann, c.Join("#a"))
        commits = len(self.store.given)
        ann.ask(*[c.Say("#a", "x" * 60) for _ in range(3)])
        self.run_hub()
        self.assertEqual(len(self.store.given), commits + 2)

    def test_long_fan_out(self) -> None:
        """A long fan-out lets others have a go, and no turn is delivered before it
        ends."""
        ann = self.connect("ann")
        rooms = [f"#{n}" for n in range(4)]
        for room in rooms:
            self.do(ann, c.Join(room))
        self.patch(hub_module, "SLICE_US", -1)
        self.world.later(0, lambda: ann.ask(*[c.Say(room, "first") for room in rooms]))
        for _ in range(3):
            self.world.later(0, lambda: ann.ask(c.Say("#0", "second")))
        self.run_hub()
        said = [word for word in ann.words() if isinstance(word, Said)]
        self.assertEqual([word.room for word in said], [*rooms, "#0", "#0", "#0"])

    def test_long_fan_out_in_one_room(self) -> None:
        """The readers of a large room are sent to in bursts, each of them once."""
        self.patch(hub_module, "SLICE_US", -1)
        self.patch(delivery, "BURST", 2)
        readers = [self.connect(f"p{n}") for n in range(5)]
        for reader in readers:
            self.do(reader, c.Join("#a"))
        for reader in readers:
            reader.words()
        seen: list[int] = []

        def look() -> None:
            seen.append(sum(reader.writes for reader in readers))
            if len(seen) < 10:
                self.world.later(0, look)

        readers[0].ask(c.Say("#a", "x"))
        look()
        self.run_hub()
        self.assertTrue({0, 3, 5} <= set(seen), seen)
        self.assertEqual([reader.writes for reader in readers], [1] * 5)


class OutcomeTests(HubTestCase):
    """What a commit says, and what becomes of the turn (H3)."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True, device="d1")
        self.bob = self.connect("bob")
        self.do(self.ann, c.Join("#ops"))
        self.do(self.bob, c.Join("#ops"))
        self.ann.words()

    def test_failed(self) -> None:
        """What would be durable is refused, the rest is answered, nothing is left."""
        before = snapshot(self.hub.state)
        self.store.script = [failed]
        heard = self.do(
            self.ann, c.Say("#ops", "x"), c.Ping("p"), c.Join("#new"), c.Type("#ops")
        )
        self.assertEqual(
            heard, ["error unavailable", "pong p", "error unavailable", "ok #ops"]
        )
        self.assertEqual(self.bob.heard(), ["typing #ops ann"])
        self.assertEqual(snapshot(self.hub.state), before)
        self.assertEqual(self.reported(), ["the store keeps nothing: the disk is full"])
        self.assertFalse(self.hub.house.counts.healthy)

    def test_healed(self) -> None:
        """Trouble is reported once, and when it is over all is well again."""
        self.store.full = True
        self.do(self.ann, c.Say("#ops", "x"))
        self.do(self.ann, c.Say("#ops", "y"))
        self.store.full = False
        heard = self.do(self.ann, c.Say("#ops", "z"))
        self.assertEqual(heard, ["said #ops 3 ann z", "ok #ops 3"])
        self.assertEqual(len(self.reported()), 1)
        self.assertTrue(self.hub.house.counts.healthy)

    def test_facts_wait(self) -> None:
        """A fact can't be refused: it waits, and happens once the store has healed."""
        self.store.full = True
        self.lose(self.bob)
        self.run_hub(2.5)
        self.assertEqual(self.ann.heard(), [])
        self.assertEqual(self.do(self.ann, c.Say("#ops", "x")), ["error unavailable"])
        self.store.full = False
        self.run_hub(1)
        self.assertEqual(self.ann.heard(), ["left #ops 3 bob gone lost"])
        self.assertEqual(self.members("#ops"), ["ann"])
        self.reported()

    def test_facts_wait_in_order(self) -> None:
        """Facts that wait stay ahead of what comes later."""
        self.store.full = True
        self.lose(self.bob)
        self.lose(self.ann)
        cat = self.connect("cat")
        self.store.full = False
        self.do(cat, c.Join("#ops"))
        self.reported()
        self.assertEqual(
            self.logged("#ops")[2:],
            [
                "left #ops 3 bob gone lost",
                "left #ops 4 ann gone lost",
                "joined #ops 5 cat",
            ],
        )

    def test_retries_are_few(self) -> None:
        """While facts wait, the store is tried about once a second, whatever else goes
        on."""
        self.store.full = True
        self.lose(self.bob)
        for n in range(50):
            self.do(self.ann, c.Ping(str(n)))
        self.run_hub(1)
        tried = len(self.store.given)
        self.run_hub(10)
        self.assertLess(len(self.store.given) - tried, 12)
        self.store.full = False
        self.run_hub(1)
        self.reported()

    def test_more_facts_wait_than_a_turn_takes(self) -> None:
        """Facts that wait for the store never keep new commands from their turn."""
        lost = [self.connect(f"guest{n}") for n in range(3)]
        for peer in lost:
            self.do(peer, c.Join("#ops"))
        self.hub.house = msgspec.structs.replace(
            self.hub.house, limits=Limits(turn_commands=2)
        )
        self.store.full = True
        for peer in lost:
            self.lose(peer)
        self.ann.words()
        self.assertEqual(self.do(self.ann, c.ListRooms()), ["rooms"])
        self.store.full = False
        self.run_hub(1)
        self.assertEqual(self.members("#ops"), ["ann", "bob"])
        self.reported()

    def test_read_while_facts_wait(self) -> None:
        """A command that needs the store's memory is answered though facts wait."""
        self.account("zoe")
        self.store.full = True
        self.lose(self.bob)
        self.assertEqual(self.do(self.ann, c.Who("zoe")), ["who zoe False"])
        self.store.full = False
        self.run_hub(1)
        self.reported()

    def test_guests_without_a_room_need_not_wait(self) -> None:
        """Nothing of them is kept, so their nick is free though facts wait."""
        cat = self.connect("cat")
        self.store.full = True
        self.lose(self.bob)
        self.lose(cat)
        again = self.connect("cat", quiet=False)
        self.assertEqual(again.heard(), ["welcome cat"])
        self.reported()

    def test_guests_after_a_restart_need_not_wait(self) -> None:
        """Nor do they for those who were here before a start."""
        self.store.crash()
        self.boot()
        self.store.full = True
        self.run_hub()
        cat = self.connect("cat")
        self.lose(cat)
        again = self.connect("cat", quiet=False)
        self.assertEqual(again.heard(), ["welcome cat"])
        self.reported()

    def test_a_stop_does_not_wait(self) -> None:
        """Everybody hears that the server stops though facts wait."""
        self.store.full = True
        self.lose(self.bob)
        self.hub.close()
        self.run_hub()
        self.assertTrue(self.ann.closed)
        self.reported()

    def test_poison(self) -> None:
        """What can't be stored is refused alone; the rest of its turn stands. Where it
        was said in one go with others, each is tried by itself."""
        self.store.script = [poison(0), poison(1)]
        heard = self.do(
            self.ann, c.Say("#ops", "a"), c.Say("#ops", "b"), c.Say("#ops", "c")
        )
        self.assertEqual(
            heard,
            [
                "said #ops 3 ann a",
                "ok #ops 3",
                "error not_storable",
                "said #ops 4 ann c",
                "ok #ops 4",
            ],
        )

    def test_poisoned_fact(self) -> None:
        """A fact that can't be stored is left out and reported; life goes on."""
        self.store.script = [poison(0)]
        self.lose(self.bob)
        self.assertEqual(len(self.reported()), 1)
        heard = self.do(self.ann, c.Say("#ops", "x"))
        self.assertEqual(heard, ["said #ops 3 ann x", "ok #ops 3"])

    def test_poison_of_a_goner(self) -> None:
        """A refusal for somebody who left in the same turn is told to nobody."""
        self.store.script = [poison(0)]
        self.ann.ask(c.Say("#ops", "x"))
        self.ann.ask(c.Bye())
        self.run_hub()
        self.assertEqual(self.ann.heard(), ["error not_storable", "bye bye goodbye"])

    def test_in_doubt(self) -> None:
        """When nobody knows what is in the log, nothing is told and nothing goes on."""
        self.store.doubt_next(kept=True)
        self.assertEqual(self.do(self.ann, c.Say("#ops", "x")), [])
        self.assertEqual(self.doubts, ["the disk did not say"])
        self.assertEqual(self.do(self.ann, c.Ping("x")), [])
        self.restart()
        self.assertEqual(self.logged("#ops")[2], "said #ops 3 ann x")

    def test_read_broken(self) -> None:
        """A store that can't be read any more stops the server too, and says why in a
        line."""
        self.restart()
        ann = self.connect("ann2")
        ann.ask(c.Who("zoe"))
        self.store.close()
        self.run_hub()
        self.assertEqual(self.doubts, ["the log can't be read: the store is closed"])

    def test_broken_without_a_commit(self) -> None:
        """A turn that breaks with nothing to commit stops the server; it does not leave
        everybody waiting."""

        def bug(count: int) -> None:
            raise RuntimeError("a bug")

        self.patch(RecordingPeer, "settled", lambda peer, count: bug(count))
        self.ann.ask(c.Ping("x"))
        self.run_hub()
        self.assertEqual(self.doubts, ["the hub is in an unknown state"])
        self.assertEqual(len(self.reported()), 1)

    def test_bug(self) -> None:
        """An unexpected exception refuses its command alone, and is logged."""

        def bug(*_: object) -> None:
            raise ZeroDivisionError

        before = snapshot(self.hub.state)
        self.patch(Turn, "moment", bug)
        heard = self.do(self.ann, c.Type("#ops"), c.Ping("x"))
        self.assertEqual(heard, ["error internal", "pong x"])
        self.assertEqual(self.reported(), ["deciding Type failed"])
        self.assertEqual(snapshot(self.hub.state), before)

    def test_bug_in_a_fact(self) -> None:
        """A fact that fails is left out, logged, and takes nothing with it."""
        self.hub.drained(self.ann)
        self.hub._queue.append((None, "no fact"))
        self.assertEqual(self.do(self.ann, c.Ping("x")), ["pong x"])
        self.assertEqual(self.reported(), ["deciding str failed"])

    def test_unknown_command(self) -> None:
        """A command that nobody decides is a bug of ours."""
        self.assertEqual(self.do(self.ann, c.Hello("x")), ["error internal"])
        self.assertEqual(self.reported(), ["deciding Hello failed"])

    def test_aborted_twice(self) -> None:
        """Trouble upon trouble: each turn taken back leaves the state as it was."""
        self.store.script = [poison(0), poison(0), poison(0), failed]
        heard = self.do(
            self.ann, c.Say("#ops", "a"), c.Say("#ops", "b"), c.Say("#ops", "c")
        )
        self.assertEqual(
            heard, ["error not_storable", "error not_storable", "error unavailable"]
        )
        self.reported()

    def test_chain(self) -> None:
        """The chain goes on from the last entry that was kept (H32)."""
        self.store.script = [poison(0)]
        self.do(self.ann, c.Say("#ops", "a"), c.Say("#ops", "b"))
        room = self.room("#ops")
        self.assertEqual(self.ledger.heads[room.number].chain, room.chain)
        self.assertEqual(self.ledger.heads[room.number].seq, room.seq)

    def test_redaction_while_failing(self) -> None:
        """A redaction needs the store even where a room keeps no log."""
        self.do(self.ann, c.SetPolicy("#ops", PolicyChange(history="none")))
        self.do(self.ann, c.Say("#ops", "secret"))
        self.store.full = True
        self.assertEqual(self.do(self.ann, c.Redact("#ops", 4)), ["error unavailable"])
        self.reported()

    def test_twice_in_doubt(self) -> None:
        """After doubt the hub stays as it is."""
        self.store.script = [lambda batch: InDoubt("who knows")]
        self.do(self.ann, c.Say("#ops", "x"))
        self.lose(self.ann)
        self.assertEqual(self.doubts, ["who knows"])

    def test_close(self) -> None:
        """When the server stops, everybody is told why."""
        stranger = self.peer()
        self.hub.close()
        self.run_hub()
        for peer in (self.ann, self.bob, stranger):
            self.assertIn("bye shutting_down", peer.heard()[0])

    def test_terse(self) -> None:
        """A form without echo and acknowledgements hears neither of its own words."""
        cat = self.connect("cat", TERSE)
        self.do(cat, c.Join("#ops"))
        self.bob.ask(c.Say("#ops", "one"))
        self.assertEqual(self.do(cat, c.Say("#ops", "two")), ["said #ops 4 bob one"])
