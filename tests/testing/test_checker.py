"""The checker passes a right run, and sees each promise broken."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from relaychat.model.chain import START, body_digest, link
from relaychat.model.events import (
    Edited,
    Joined,
    Kicked,
    PolicySet,
    Redacted,
)
from relaychat.model.policy import PolicyChange
from relaychat.store.api import Batch, Head, Record, Row
from relaychat.store.schema import open_writer
from relaychat.store.transaction import Transactions
from relaychat.testing.checker import check
from relaychat.testing.notes import (
    Acked,
    Closed,
    Connected,
    Gapped,
    Invoked,
    Refused,
    Saw,
    Started,
    Stopped,
    encode,
    fingerprint,
)
from relaychat.testing.truth import DATABASE, Truth, from_folder
from tests.testing.written import (
    EPOCH,
    ROOM,
    CheckerTestCase,
    json,
    said,
)


class RightRunTests(CheckerTestCase):
    """What should pass passes, and is counted."""

    def test_all_is_well(self) -> None:
        """Both were told all, and everything was counted."""
        self.both()
        counts = self.good(self.ann, self.bob).counts
        self.assertEqual((counts.logs, counts.entries, counts.journals), (1, 6, 2))
        self.assertEqual((counts.ops, counts.acked, counts.seen), (4, 4, 11))
        self.assertIn("4 acknowledged", str(counts))

    def test_refusal_not_heard(self) -> None:
        """What was refused, and the answer got lost, may be too late on the next
        connection."""
        self.both()
        self.ann.add(Invoked(9, 1, ROOM, said("ann nine"), 9))
        self.ann.add(Connected())
        self.ann.add(Refused(9, "cid_passed"))
        self.good(self.ann, self.bob)

    def test_lines(self) -> None:
        """A journal that a process wrote is the same, its torn end left out."""
        self.both()
        lines = [encode(note) + b"\n" for note in self.notes("ann")]
        read = self.journal("ann")
        read.read([*lines, lines[-1][:-5]])
        self.assertEqual(self.good(read, self.bob).counts.seen, 11)

    def test_database(self) -> None:
        """The database of a server says the same as the store in memory."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        writer = open_writer(Path(folder.name) / DATABASE)
        transactions = Transactions(writer, 0, 0)
        for batch in self.written.batches:
            transactions.commit(batch)
        writer.close()
        self.both()
        self.truth = from_folder(Path(folder.name))
        self.assertEqual(self.good(self.ann, self.bob).counts.entries, 6)
        self.assertEqual(from_folder(Path(folder.name), but=(ROOM,)).logs, {})

    def test_unknown_outcomes(self) -> None:
        """Who was not answered may find the message in the log or not."""
        self.ann = self.journal(
            "ann",
            Invoked(1, 1, ROOM, said("ann one"), 1),
            Invoked(3, 2, ROOM, said("lost"), 3),
        )
        self.good(self.ann, healed=False)

    def test_without_cids(self) -> None:
        """Plain IRC: surely kept, but where, it is not told."""
        self.ann = self.journal(
            "ann",
            Connected(),
            Invoked(1, 1, ROOM, said("ann one")),
            Acked(1, 2),
            told=True,
        )
        self.good(self.ann)

    def test_redaction(self) -> None:
        """Who read a text before it was blanked, and who after."""
        self.ann = self.journal("ann", Started(ROOM, EPOCH), *self.written.saw(1, 2, 3))
        self.written.append(Redacted(ROOM, 0, 0, "ann", 3, account="ann"))
        self.written.blank(3)
        self.reload()
        log = self.truth.logs[1]
        late = Saw(ROOM, EPOCH, 3, log.fingerprints[2])
        self.bob = self.journal("bob", Started(ROOM, EPOCH, 2), late)
        self.good(self.ann, self.bob, healed=False)
        self.assertEqual(log.wrong, [])

    def test_restarted_reader(self) -> None:
        """A reader that starts over from its cursor, or is told of a gap."""
        self.ann = self.journal(
            "ann",
            Started(ROOM, EPOCH),
            *self.written.saw(1, 2, 3),
            Started(ROOM, EPOCH, 2),
            *self.written.saw(3, 4),
            Started(ROOM, "e0", 5),
            Gapped(ROOM, EPOCH, 6, 4, "reset"),
            *self.written.saw(5, 6),
        )
        self.good(self.ann)

    def test_closed(self) -> None:
        """Nothing is expected of who is gone."""
        self.ann = self.journal("ann", Invoked(9, 1, ROOM, 9, 9), Closed())
        self.good(self.ann)

    def test_sealed_rooms(self) -> None:
        """Of rooms that closed, the one is meant that fits."""
        name = Record("sealed", "1", json(ROOM))
        other = Row(2, 1, 1, json(Joined(ROOM, 1, 1, "cat")), b"")
        chain = link(START, 1, 1, body_digest(other.body))
        records = [Record("room", "1", None), name, Record("sealed", "2", json(ROOM))]
        head = Head(2, 0, 1, 1, chain)
        self.written.write(Batch([other._replace(chain=chain)], [head], records))
        self.reload()
        self.both()
        cat = self.journal("cat", Started(ROOM, "e2"))
        cat.add(Saw(ROOM, "e2", 1, fingerprint(other.body)))
        self.good(self.ann, self.bob)
        report = check(self.truth, [self.ann, self.bob, cat])
        self.assertEqual(report.found, {"I8": 1})  # who has no account is "cat" alone


class BrokenTests(CheckerTestCase):
    """Each promise, broken."""

    def test_acknowledged_and_lost(self) -> None:
        """I1."""
        self.ann.add(Invoked(1, 1, ROOM, said("never"), 7))
        self.ann.add(Acked(1, 2, ROOM, EPOCH, 7))
        self.bad("I1")

    def test_acknowledged_without_a_place_and_lost(self) -> None:
        """I1, without ids."""
        self.ann.add(Invoked(1, 1, ROOM, said("never")))
        self.ann.add(Acked(1, 2))
        self.bad("I1")

    def test_acknowledged_elsewhere(self) -> None:
        """I1: another seq, another epoch, other words."""
        for cid, seq, epoch, text in (
            (1, 5, EPOCH, "ann one"),
            (1, 3, "e9", "ann one"),
            (1, 3, EPOCH, "ann two"),
        ):
            self.ann = self.journal("ann", Invoked(1, 1, ROOM, said(text), cid))
            self.ann.add(Acked(1, 2, ROOM, epoch, seq))
            report = check(self.truth, [self.ann])
            self.assertEqual(report.found["I1"], 1)

    def test_shown_and_lost(self) -> None:
        """I2: beyond the log."""
        self.ann.add(Started(ROOM, EPOCH, 6))
        self.ann.add(Saw(ROOM, EPOCH, 7, 1))
        self.bad("I2")

    def test_shown_differently(self) -> None:
        """I2: other bytes."""
        self.ann.add(Started(ROOM, EPOCH, 3))
        self.ann.add(Saw(ROOM, EPOCH, 4, 1))
        self.bad("I2")

    def test_no_such_log(self) -> None:
        """I2: a room that never was."""
        self.ann.add(Started("#milk", EPOCH, 3))
        self.ann.add(Saw("#milk", EPOCH, 4, 1))
        self.bad("I2")

    def test_doubled(self) -> None:
        """I3: the same words under two cids, sent once."""
        self.ann.add(Invoked(1, 1, ROOM, said("ann one"), 1))
        self.written.say("ann", "ann one")
        self.reload()
        self.bad("I3")

    def test_doubled_cid(self) -> None:
        """I3: the same cid twice."""
        self.written.cids["ann"] = 0
        self.written.say("ann", "something")
        self.reload()
        self.bad("I3")

    def test_refused_and_kept(self) -> None:
        """I3."""
        self.ann.add(Invoked(1, 1, ROOM, said("ann one"), 1))
        self.ann.add(Refused(1, "too_long"))
        self.bad("I3")

    def test_overtaken(self) -> None:
        """I3: what was to be sent again is too late."""
        self.ann.add(Connected())
        self.ann.add(Invoked(9, 1, ROOM, said("ann nine"), 9))
        self.ann.add(Refused(9, "cid_passed"))
        self.bad("I3")

    def test_a_hole(self) -> None:
        """I4."""
        del self.written.ledger.rooms[1][3]
        self.reload()
        self.bad("I4")

    def test_a_changed_entry(self) -> None:
        """I4: the chain tells."""
        row = self.written.ledger.rooms[1][3].row
        body = row.body.replace(b"bob one", b"bob ONE")
        self.written.ledger.rooms[1][3].row = row._replace(body=body)
        self.reload()
        self.bad("I4")

    def test_a_lost_end(self) -> None:
        """I4: the head tells."""
        self.written.ledger.rooms[1].pop()
        self.reload()
        self.bad("I4")

    def test_skipped(self) -> None:
        """I5: an entry left out in silence, or told twice."""
        for seqs in ((1, 2, 4), (1, 2, 2)):
            self.ann = self.journal("ann", Started(ROOM, EPOCH))
            for note in self.written.saw(*seqs):
                self.ann.add(note)
            self.bad("I5")

    def test_unfounded_gaps(self) -> None:
        """I5: a gap where the log has it, and is told by a reason that isn't so."""
        for reason in ("retention", "no_history", "withheld"):
            self.ann = self.journal(
                "ann",
                Started(ROOM, EPOCH),
                *self.written.saw(1, 2),
                Gapped(ROOM, EPOCH, 3, 4, reason),
                *self.written.saw(5),
            )
            self.bad("I5")

    def test_out_of_order(self) -> None:
        """I6: Ann's second stands before her first."""
        self.ann.add(Invoked(1, 1, ROOM, said("ann two"), 2))
        self.ann.add(Invoked(2, 1, ROOM, said("ann one"), 1))
        self.bad("I6")

    def test_out_of_order_without_cids(self) -> None:
        """I6: within one connection, and only there."""
        notes = [
            Invoked(op, op, ROOM, said(text))
            for op, text in enumerate(("ann two", "ann one"))
        ]
        self.ann = self.journal("ann", Connected(), *notes)
        self.bad("I6")
        self.ann = self.journal("ann", notes[0], Connected(), notes[1])
        self.bad()

    def test_before_what_was_acknowledged(self) -> None:
        """I7: Bob was answered at 6 before Ann sent what stands at 5."""
        self.bob.add(Invoked(1, 10, ROOM, said("bob two"), 2))
        self.bob.add(Acked(1, 20, ROOM, EPOCH, 6))
        self.ann.add(Invoked(2, 30, ROOM, said("ann two"), 2))
        self.bad("I7")

    def test_not_a_member(self) -> None:
        """I8: somebody who never was inside."""
        self.bob = self.journal("eve", Started(ROOM, EPOCH), *self.written.saw(1))
        self.bad("I8")

    def test_after_the_kick(self) -> None:
        """I8: what came after one was put out; the kick itself one is shown."""
        self.written.append(Kicked(ROOM, 0, 0, "ann", "bob", account="ann"))
        self.written.say("ann", "good riddance")
        self.reload()
        self.bob = self.journal("bob", Started(ROOM, EPOCH, 6), *self.written.saw(7))
        self.bad()
        self.bob.add(*self.written.saw(8))
        self.bad("I8")

    def test_redacted(self) -> None:
        """I8: a message and its edits that were redacted, and are there."""
        self.written.append(Edited(ROOM, 0, 0, "ann", 3, "edited", "ann"))
        self.written.append(Redacted(ROOM, 0, 0, "ann", 3, account="ann"))
        for seq in (3, 7):
            self.reload()
            self.bad("I8")
            self.written.blank(seq)
        self.reload()
        self.good()

    def test_before_the_join(self) -> None:
        """I8: where history begins with one's join."""
        closed = PolicySet(ROOM, 0, 0, "ann", PolicyChange(history="since_join"))
        self.written.append(closed)
        self.written.append(Joined(ROOM, 0, 0, "cat", "cat"))
        self.reload()
        self.bob = self.journal("cat", Started(ROOM, EPOCH, 7), *self.written.saw(8))
        self.bad()
        self.bob = self.journal("cat", Started(ROOM, EPOCH, 2), *self.written.saw(3))
        self.bad("I8")

    def test_told_after_the_end(self) -> None:
        """I8: who knows that they are out is told nothing."""
        self.ann.add(Started(ROOM, EPOCH, 0))
        self.ann.add(Stopped(ROOM))
        self.ann.add(*self.written.saw(1))
        self.bad("I8")

    def test_not_answered(self) -> None:
        """I9, when all is healed."""
        self.ann.add(Invoked(1, 1, ROOM, said("ann one"), 1))
        self.bad("I9", healed=True)

    def test_not_level(self) -> None:
        """I9: a member that was not told the end."""
        self.ann.add(Started(ROOM, EPOCH, 5))
        self.bad("I9", healed=True)

    def test_nonsense(self) -> None:
        """Answers to nothing are breaches too."""
        self.ann.add(Acked(1, 1, ROOM, EPOCH, 1))
        self.bad("I5")

    def test_empty(self) -> None:
        """Nothing was ever said."""
        self.assertEqual(check(Truth(), []).counts.entries, 0)
