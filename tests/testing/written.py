"""Logs as a hub writes them, and right journals of who was there."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import TestCase

from relaychat.auth.devices import device_key
from relaychat.hub.records import DeviceRecord, MemberRecord, RoomRecord
from relaychat.model.chain import START, body_digest, link
from relaychat.model.commands import Say
from relaychat.model.events import (
    Edited,
    Joined,
    Kicked,
    Left,
    LogEvent,
    PolicySet,
    Said,
)
from relaychat.model.policy import Policy, PolicyChange
from relaychat.store.api import Batch, Blank, Head, Record, Row
from relaychat.store.ledger import Ledger
from relaychat.testing.checker import Report, check
from relaychat.testing.journal import Journal
from relaychat.testing.notes import (
    Acked,
    Client,
    Heard,
    Invoked,
    Note,
    Saw,
    Started,
    asked,
    fingerprint,
    heard,
)
from relaychat.testing.truth import from_ledger

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
        self.policy = Policy()
        records = [
            self.room(),
            *(
                Record("device", device_key(secret), json(DeviceRecord(n, name)))
                for name, secret in SECRETS.items()
                for n in (NUMBERS[name],)
            ),
        ]
        self.write(Batch(records=records))

    def room(self) -> Record:
        """The room's record."""
        record = RoomRecord(ROOM, EPOCH, "kept", 1, policy=self.policy)
        return Record("room", "1", json(record))

    def write(self, batch: Batch) -> None:
        """Into the ledger."""
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
        row = Row(1, seq, seq, body, self.chain, origin, cid, cid and 0)
        head = Head(1, seq - 1, seq, seq, self.chain)
        self.write(Batch([row], [head], self.beside(event)))
        return event

    def beside(self, event: LogEvent) -> list[Record]:
        """What is kept beside the log, after this entry."""
        match event:
            case Joined():
                member = json(MemberRecord(event.sender, joined=event.seq))
                return [Record("member", f"1 {event.sender}", member)]
            case Left():
                return [Record("member", f"1 {event.sender}", None)]
            case Kicked():
                return [Record("member", f"1 {event.nick}", None)]
            case PolicySet(policy=PolicyChange(history="since_join")):
                self.policy = Policy(history="since_join")
                return [self.room()]
        return []

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
        event = msgspec.json.decode(was, type=Said | Edited)
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
