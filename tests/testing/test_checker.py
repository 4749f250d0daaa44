"""The checker passes a right run, and sees each promise broken."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from twisted.trial.unittest import TestCase

from relaychat.auth.login import device_key
from relaychat.hub.records import DeviceRecord, RoomRecord
from relaychat.model.chain import START, body_digest, link
from relaychat.model.commands import Say
from relaychat.model.events import (
    Edited,
    Joined,
    Kicked,
    Left,
    LogEvent,
    PolicySet,
    Redacted,
    Said,
)
from relaychat.model.policy import PolicyChange
from relaychat.store.api import Batch, Blank, Head, Record, Row
from relaychat.store.ledger import Ledger
from relaychat.store.schema import open_writer
from relaychat.store.transaction import Transactions
from relaychat.testing.checker import Report, check
from relaychat.testing.journal import (
    Acked,
    Client,
    Closed,
    Connected,
    Gapped,
    Heard,
    Invoked,
    Journal,
    Note,
    Refused,
    Saw,
    Started,
    Stopped,
    asked,
    encode,
    fingerprint,
    heard,
)
from relaychat.testing.truth import DATABASE, Log, Truth, from_folder, from_ledger

ROOM, EPOCH = "#tea", "e1"
SECRETS = {"ann": "a" * 32, "bob": "b" * 32}
NUMBERS = {"ann": 1, "bob": 2}
json = msgspec.json.encode


class Written:
    """A log as a hub writes it, into a ledger and, if asked, a database."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.batches: list[Batch] = []
        self.bodies: list[bytes] = []
        self.chain = START
        self.cids = {"ann": 0, "bob": 0}
        records = [
            Record("room", "1", json(RoomRecord(ROOM, EPOCH, "kept", 1))),
            *(
                Record("device", device_key(secret), json(DeviceRecord(n, name)))
                for name, secret in SECRETS.items()
                for n in (NUMBERS[name],)
            ),
        ]
        self.write(Batch(records=records))

    def write(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.ledger.write(batch)

    def append(self, event: LogEvent, cid: int | None = None) -> LogEvent:
        """The room's next entry."""
        seq = len(self.bodies) + 1
        event = msgspec.structs.replace(event, seq=seq, at=seq)
        body = json(event)
        self.bodies.append(body)
        self.chain = link(self.chain, seq, seq, body_digest(body))
        origin = NUMBERS.get(event.sender) if cid else None
        self.write(
            Batch(
                [Row(1, seq, seq, body, self.chain, origin, cid, cid and 0)],
                [Head(1, seq - 1, seq, seq, self.chain)],
            )
        )
        return event

    def say(self, name: str, text: str) -> Said:
        """A message with the next cid of its sender."""
        self.cids[name] += 1
        event = Said(ROOM, 0, 0, name, text, name)
        said = self.append(event, self.cids[name])
        assert isinstance(said, Said)
        return said

    def blank(self, seq: int) -> None:
        """A redaction's doing."""
        was = self.bodies[seq - 1]
        event = msgspec.json.decode(was, type=Said)
        body = json(msgspec.structs.replace(event, text="", redacted=True))
        self.write(Batch(blanks=[Blank(1, seq, body, body_digest(was))]))

    def saw(self, *seqs: int) -> list[Note]:
        """Entries, as they are."""
        return [Saw(ROOM, EPOCH, n, fingerprint(self.bodies[n - 1])) for n in seqs]


def said(text: str) -> int:
    """What is asked for with a message."""
    return asked(Say(ROOM, text))


def line(text: str) -> Heard:
    """What is heard of a line of IRC."""
    found = heard(text.encode())
    assert found is not None
    return Heard(*found)


class CheckerTestCase(TestCase):
    """Ann and Bob join a room and say two things each: entries 1 to 6."""

    def setUp(self) -> None:
        self.written = Written()
        for name in ("ann", "bob"):
            self.written.append(Joined(ROOM, 0, 0, name, name))
        for text in ("one", "two"):
            for name in ("ann", "bob"):
                self.written.say(name, f"{name} {text}")
        self.truth = from_ledger(self.written.ledger)
        self.ann = self.journal("ann")
        self.bob = self.journal("bob")

    def reload(self) -> None:
        """More was written."""
        self.truth = from_ledger(self.written.ledger)

    def journal(self, name: str, *notes: Note, told: bool = False) -> Journal:
        """A client that says who it is."""
        journal = Journal(name)
        journal.add(Client(name, name, "" if told else SECRETS.get(name, "")))
        for note in notes:
            journal.add(note)
        return journal

    def good(self, *journals: Journal, healed: bool = True) -> Report:
        """There is nothing wrong."""
        report = check(self.truth, journals, healed=healed)
        self.assertEqual(report.violations, [])
        self.assertTrue(report.good)
        return report

    def bad(self, *invariants: str, healed: bool = False) -> None:
        """Ann's or Bob's journal breaks these."""
        report = check(self.truth, [self.ann, self.bob], healed=healed)
        self.assertEqual(sorted(report.found), sorted(invariants), report.violations)

    def notes(self, name: str) -> list[Note]:
        """A right journal of one of them."""
        first = {"ann": 3, "bob": 4}[name]
        notes: list[Note] = [Started(ROOM, EPOCH, 0 if name == "ann" else 1)]
        notes += self.written.saw(*range(1 if name == "ann" else 2, 7))
        for op, text in enumerate(("one", "two"), 1):
            seq = first + 2 * (op - 1)
            at = seq * 10
            digest = said(f"{name} {text}")
            notes += [
                Invoked(op, at, ROOM, digest, op),
                Acked(op, at + 5, ROOM, EPOCH, seq),
            ]
        return notes

    def both(self) -> None:
        """Ann's and Bob's right journals."""
        self.ann = self.journal("ann", *self.notes("ann"))
        self.bob = self.journal("bob", *self.notes("bob"))


class RightRunTests(CheckerTestCase):
    """What should pass passes, and is counted."""

    def test_all_is_well(self) -> None:
        """Both were told all, and everything was counted."""
        self.both()
        counts = self.good(self.ann, self.bob).counts
        self.assertEqual((counts.logs, counts.entries, counts.journals), (1, 6, 2))
        self.assertEqual((counts.ops, counts.acked, counts.seen), (4, 4, 11))
        self.assertIn("4 acknowledged", str(counts))

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


IRC = (
    ":ann!ann@relaychat PRIVMSG #tea :ann one",
    ":bob!bob@relaychat PRIVMSG #tea :bob one",
    ":ann!ann@relaychat PRIVMSG #tea :ann two",
    ":bob!bob@relaychat PRIVMSG #tea :bob two",
)


class HeardTests(CheckerTestCase):
    """Plain IRC, laid along the log (I10)."""

    def hear(self, *lines: str) -> None:
        """Cat joins and hears these."""
        self.written.append(Joined(ROOM, 0, 0, "cat"))
        for text in ("three", "four"):
            for name in ("ann", "bob"):
                self.written.say(name, f"{name} {text}")
        self.reload()
        self.bob = self.journal("cat", Started(ROOM), told=True)
        self.bob.add(line(":cat!~guest@relaychat JOIN #tea"))
        for text in lines:
            self.bob.add(line(text.replace("one", "three").replace("two", "four")))

    def test_all(self) -> None:
        """From one's own join on, all."""
        self.hear(*IRC)
        self.assertEqual(self.good(self.bob).counts.heard, 5)

    def test_own_words(self) -> None:
        """What one says oneself is not told."""
        self.hear(IRC[0], IRC[2])
        self.bob.add(Client("bob"))
        self.good(self.bob)

    def test_broken(self) -> None:
        """Lost, doubled, reordered, altered."""
        for lines in (
            (IRC[0], IRC[2]),
            (IRC[0], IRC[0]),
            (IRC[1], IRC[0]),
            (IRC[0], IRC[1].upper()),
        ):
            self.setUp()
            self.hear(*lines)
            self.bad("I10")

    def test_not_told_the_end(self) -> None:
        """I9: it is still in the room."""
        self.hear(*IRC[:3])
        self.bad("I9", healed=True)

    def test_long_and_edited(self) -> None:
        """A message of two lines, an edit, a quit that was told otherwise."""
        self.hear(*IRC)
        self.written.say("ann", "five\nsix")
        self.written.append(Edited(ROOM, 0, 0, "ann", 3, "seven", "ann"))
        self.written.append(Left(ROOM, 0, 0, "bob", "", "quit", "bob", "occurrence"))
        self.written.say("ann", "eight")
        self.reload()
        for text in ("five", "six", "* seven", "eight"):
            self.bob.add(line(f":ann!ann@relaychat PRIVMSG #tea :{text}"))
        self.good(self.bob)

    def test_blanked(self) -> None:
        """What was heard before it was blanked."""
        self.hear(*IRC)
        self.written.append(Redacted(ROOM, 0, 0, "ann", 8, account="ann"))
        self.written.blank(8)
        self.reload()
        self.good(self.bob)

    def test_two_stays(self) -> None:
        """Each stay is a piece of the log, the later one behind the earlier."""
        self.hear(IRC[0])
        self.bob.add(Stopped(ROOM))
        self.bob.add(Started(ROOM))
        for text in IRC[2:]:
            self.bob.add(line(text.replace("two", "four")))
        self.good(self.bob)
        self.bob.add(Stopped(ROOM))
        self.bob.add(Started(ROOM))
        self.bob.add(line(IRC[0].replace("one", "three")))
        self.bad("I10")

    def test_what_is_no_entry(self) -> None:
        """Lines of the server itself, of direct rooms, of users as a whole."""
        for text in (
            ":relaychat NOTICE #tea :Messages 1 to 3 can't be shown any more",
            ":ann!ann@relaychat PRIVMSG cat :psst",
            ":ann!ann@relaychat QUIT :bye",
            "PING :1",
            "",
        ):
            self.assertIsNone(heard(text.encode()), text)


class LogTests(TestCase):
    """What the truth is made of."""

    def test_where_history_is_open(self) -> None:
        """As the policy said, from when to when."""
        log = Log(1, ROOM, EPOCH)
        for seq, rule in ((5, "since_join"), (9, "all")):
            change = PolicyChange(history=rule)  # type: ignore[arg-type]
            log._change(PolicySet(ROOM, seq, 0, "ann", change), seq)
        self.assertEqual([span[0] for span in log.open_history], [1, 9])
        self.assertEqual(log.open_until([[2, 7]]), 5)
        self.assertEqual(log.open_until([[6, 8]]), 0)

    def test_empty(self) -> None:
        """Nothing was ever said."""
        self.assertEqual(check(Truth(), []).counts.entries, 0)
