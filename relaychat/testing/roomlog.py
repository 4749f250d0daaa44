"""One room's log, entry by entry, as the checker needs it."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from relaychat.model.chain import START, body_digest, link_all, mark
from relaychat.model.events import (
    AnyLogEvent,
    Edited,
    Joined,
    Kicked,
    Left,
    LogEvent,
    Redacted,
    Said,
    TopicSet,
)
from relaychat.model.names import fold, identity
from relaychat.testing.notes import asked, fingerprint, heard, heard_from
from relaychat.testing.retold import Retold
from relaychat.wire.irc import message_lines

decode: Callable[[bytes], LogEvent] = msgspec.json.Decoder(AnyLogEvent).decode


class Fields(NamedTuple):
    """A row of a log."""

    room: int
    seq: int
    at: int
    body: bytes
    chain: bytes
    origin: int | None
    cid: int | None
    digest: bytes | None


class Log:
    """One room's log. Arrays have one item for each entry: seq 1 first."""

    def __init__(self, number: int, name: str, epoch: str) -> None:
        self.number = number
        self.name = name
        self.epoch = epoch
        """Empty where the store does not tell: a sealed room has none any more."""
        self.kind = ""
        self.kept = True
        """Whether its log is kept (policy ``history``)."""
        self.wrong: list[str] = []
        """What is wrong with the log by itself: holes, the chain, the head."""
        self.readable: list[str] = []
        """What was redacted and can be read all the same."""
        self.beside: list[str] = []
        """Where the store keeps another state of the room than the log tells."""
        self.fingerprints = array("Q")
        self.asked = array("Q")
        """0: nothing that is sent; or blanked, so that it can't be known."""
        self.senders: list[str] = []
        """Nicks, folded."""
        self.heard = array("Q")
        """Each line that IRC tells, in order, by its digest ..."""
        self.heard_seqs = array("Q")
        """... its seq, and how sure it is that it is told."""
        self.unsure: dict[int, str] = {}
        """By index into ``heard``: ``may`` be told in another way, or ``blanked``."""
        self.first_fingerprints: dict[int, int] = {}
        """Of entries that were blanked since."""
        self.retold = Retold()
        """What it says of its room."""
        self._edits: dict[int, list[int]] = {}
        self._redacted: list[int] = []
        self._chain = START
        self._marks: list[bytes] = []
        self._at = 0

    def __len__(self) -> int:
        return len(self.fingerprints)

    def __repr__(self) -> str:
        return f"{self.name} ({self.epoch or self.number})"

    # -- entry by entry ----------------------------------------------------------------

    def add(self, row: Fields) -> LogEvent:
        """The next entry."""
        expected = len(self) + 1
        if row.seq != expected:
            self.wrong.append(f"{self}: {row.seq} stands where {expected} should")
        digest = row.digest or body_digest(row.body)
        self._marks.append(mark(row.seq, row.at, digest))
        if row.chain:
            if link_all(self._chain, self._marks) != row.chain:
                self.wrong.append(f"{self}: the chain breaks at {row.seq}")
            self._chain = row.chain
            self._marks.clear()
        if row.at < self._at:
            self.wrong.append(f"{self}: time goes back at {row.seq}")
        self._at = row.at
        event = decode(row.body)
        if event.seq != row.seq:
            self.wrong.append(f"{self}: the entry at {row.seq} says {event.seq}")
        blanked = row.digest is not None
        self.fingerprints.append(fingerprint(row.body))
        if row.digest is not None:
            first = int.from_bytes(row.digest[:8], "big")
            self.first_fingerprints[len(self)] = first
        self.asked.append(0 if blanked else asked(event))
        self.senders.append(fold(event.sender))
        self._hear(event, blanked)
        self.retold.follow(event)
        if isinstance(event, Edited):
            self._edits.setdefault(event.target, []).append(event.seq)
        elif isinstance(event, Redacted):
            self._redacted += (event.target, *self._edits.pop(event.target, ()))
        return event

    def end(self, head: tuple[int, bytes]) -> None:
        """That was the last entry; the head is what the store says of it."""
        if head != (len(self), self._chain):
            self.wrong.append(f"{self}: {len(self)} entries, and its head at {head[0]}")
        for seq in self._redacted:
            if seq not in self.first_fingerprints:
                self.readable.append(f"{self}: {seq} was redacted and is there")

    def _hear(self, event: LogEvent, blanked: bool) -> None:
        for line in _lines(event).splitlines():
            found = heard(line)
            if found is None:
                continue
            if blanked:
                self.unsure[len(self.heard)] = "blanked"
            elif isinstance(event, Left) and event.occurrence:
                self.unsure[len(self.heard)] = "may"
            self.heard.append(found[1])
            self.heard_seqs.append(event.seq)
        if blanked and isinstance(event, Said | Edited):
            self.unsure[len(self.heard)] = "blanked"
            self.heard.append(heard_from(event.sender, ""))
            self.heard_seqs.append(event.seq)


def _lines(event: LogEvent) -> bytes:
    """What IRC tells of an event, as far as ``heard`` counts it."""
    room, nick = event.room, event.sender
    if not room.startswith("#"):
        return b""
    source = identity(nick, getattr(event, "account", None))
    match event:
        case Said(redacted=False):
            return message_lines(source, room, event.text, event.kind)
        case Edited(redacted=False):
            return message_lines(source, room, f"* {event.text}", "text")
        case Joined():
            line = f":{source} JOIN {room}"
        case Left():
            line = f":{source} PART {room} :{event.reason}"
        case Kicked():
            line = f":{source} KICK {room} {event.nick} :{event.reason or nick}"
        case TopicSet():
            line = f":{source} TOPIC {room} :{event.text}"
        case _:
            return b""
    return line.encode()
