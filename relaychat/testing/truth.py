"""What a store holds, as the checker needs it: the logs, and what follows from them.

Read from a store's data, not through the relay: ``from_folder`` from the database of a
server that runs or does not, ``from_ledger`` from a store in memory.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from relaychat.auth.login import device_key
from relaychat.model.chain import START, body_digest, link
from relaychat.model.events import (
    AnyLogEvent,
    Edited,
    Joined,
    Kicked,
    Left,
    LogEvent,
    PolicySet,
    Renamed,
    Said,
    TopicSet,
)
from relaychat.model.names import fold, identity
from relaychat.model.policy import Policy
from relaychat.store.ledger import Ledger
from relaychat.testing.journal import asked, fingerprint, heard
from relaychat.wire.irc import message_lines

DATABASE = "relaychat.db"

_event = msgspec.json.Decoder(AnyLogEvent).decode


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


class _Room(msgspec.Struct):
    """What is read of a ``room`` record."""

    name: str
    epoch: str
    kind: str = ""
    policy: Policy = Policy()


class _Device(msgspec.Struct):
    number: int


class Place(NamedTuple):
    """An entry of a log."""

    log: Log
    seq: int


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
        self.stays: dict[str, list[list[int]]] = {}
        """By ``account:name`` and ``nick:name``: first and last seq of each stay."""
        self.open_history: list[list[int]] = [[1, _END]]
        """Where the members may read all of the log."""
        self._policy = Policy()
        self._members: dict[str, list[int]] = {}
        self._names: dict[str, list[str]] = {}
        self._chain = START
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
        self._chain = link(self._chain, row.seq, row.at, digest)
        if self._chain != row.chain:
            self.wrong.append(f"{self}: the chain breaks at {row.seq}")
            self._chain = row.chain
        if row.at < self._at:
            self.wrong.append(f"{self}: time goes back at {row.seq}")
        self._at = row.at
        event: LogEvent = _event(row.body)
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
        self._follow(event)
        return event

    def end(self, head: tuple[int, bytes] | None) -> None:
        """That was the last entry; the head is what the store says of it."""
        if head is not None and head != (len(self), self._chain):
            self.wrong.append(f"{self}: {len(self)} entries, and its head at {head[0]}")

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
            self.heard.append(0)
            self.heard_seqs.append(event.seq)

    def _follow(self, event: LogEvent) -> None:
        seq, nick = event.seq, fold(event.sender)
        match event:
            case Joined():
                stay = self._members[nick] = [seq, _END]
                self._name(stay, f"nick:{nick}")
                if event.account:
                    self._name(stay, f"account:{fold(event.account)}")
            case Left():
                self._leaves(nick, seq)
            case Kicked():
                self._leaves(fold(event.nick), seq)
            case Renamed() if nick in self._members:
                stay = self._members.pop(nick)
                self._members[fold(event.nick)] = stay
                self._name(stay, f"nick:{fold(event.nick)}")
            case PolicySet():
                self._change(event, seq)

    def _name(self, stay: list[int], name: str) -> None:
        stays = self.stays.setdefault(name, [])
        if stay not in stays:
            stays.append(stay)

    def _leaves(self, nick: str, seq: int) -> None:
        stay = self._members.pop(nick, None)
        if stay is None:
            self.wrong.append(f"{self}: {nick} goes at {seq} and was not in")
        else:
            stay[1] = seq

    def _change(self, event: PolicySet, seq: int) -> None:
        changed = {
            field: value
            for field in event.policy.__struct_fields__
            if (value := getattr(event.policy, field)) is not msgspec.UNSET
        }
        changed["key"] = "x" * event.keyed
        self._policy = msgspec.structs.replace(self._policy, **changed)
        open_now = self._policy.rule() == "all"
        if self.open_history and self.open_history[-1][1] == _END:
            if not open_now:
                self.open_history[-1][1] = seq
        elif open_now:
            self.open_history.append([seq, _END])

    # -- who may read ------------------------------------------------------------------

    def members(self) -> set[str]:
        """Who is in it at the end, by folded nick, as the log tells it."""
        return set(self._members)

    def stays_of(self, names: Iterable[str]) -> list[list[int]]:
        """The stays of whoever has one of these names, in order."""
        found = [stay for name in names for stay in self.stays.get(name, ())]
        return sorted(found)

    def open_until(self, stays: list[list[int]]) -> int:
        """The last seq at which somebody with these stays could read all."""
        return max(
            (
                min(last, until)
                for first, last in stays
                for since, until in self.open_history
                if since <= last and first <= until
            ),
            default=0,
        )


_END = 2**53


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


class Truth:
    """All logs, and where each client id is."""

    def __init__(self) -> None:
        self.logs: dict[int, Log] = {}
        self.devices: dict[str, int] = {}
        """Numbers by device secret's key."""
        self.cids: dict[int, dict[int, Place]] = {}
        """By the number of a device, by cid."""
        self.wrong: list[str] = []
        """Client ids that are in the logs twice."""

    def device(self, secret: str) -> int | None:
        """The number of a device, or None if it has never written anything."""
        return self.devices.get(device_key(secret))

    def named(self, room: str, epoch: str) -> list[Log]:
        """The logs that may be this one: the one of this epoch, or those whose epoch is
        not known any more. ``room`` is folded."""
        same = [log for log in self.logs.values() if fold(log.name) == room]
        exact = [log for log in same if log.epoch == epoch]
        return exact or [log for log in same if not log.epoch]

    def _log(self, number: int, name: str, epoch: str = "") -> Log:
        log = self.logs.get(number)
        if log is None:
            log = self.logs[number] = Log(number, name, epoch)
        return log

    def _record(self, kind: str, key: str, body: bytes) -> None:
        if kind == "room":
            room = msgspec.json.decode(body, type=_Room)
            log = self._log(int(key), room.name, room.epoch)
            log.kind, log.kept = room.kind, room.policy.history != "none"
        elif kind == "sealed":
            self._log(int(key), msgspec.json.decode(body, type=str))
        elif kind == "device":
            self.devices[key] = msgspec.json.decode(body, type=_Device).number

    def _rows(self, rows: Iterable[Fields]) -> None:
        for row in rows:
            log = self.logs.get(row.room)
            if log is None:
                log = self._log(row.room, _event(row.body).room)
                log.wrong.append(f"{log} has no record")
            log.add(row)
            if row.cid is None or row.origin is None:
                continue
            cids = self.cids.setdefault(row.origin, {})
            if row.cid in cids:
                first = cids[row.cid]
                self.wrong.append(
                    f"cid {row.cid} of device {row.origin} is at {first} and at "
                    f"{Place(log, row.seq)}"
                )
            cids[row.cid] = Place(log, row.seq)

    def _heads(self, heads: dict[int, tuple[int, bytes]]) -> None:
        for number, log in self.logs.items():
            log.end(heads.get(number, (0, START)))


_KINDS = ("room", "sealed", "device")


def from_ledger(ledger: Ledger) -> Truth:
    """What a store in memory has committed."""
    truth = Truth()
    for (kind, key), body in ledger.records.items():
        truth._record(kind, key, body)
    for lines in ledger.rooms.values():
        truth._rows(
            Fields(
                row.room, row.seq, row.at, row.body, row.chain, row.origin, row.cid,
                line.digest,
            )
            for line in lines
            for row in (line.row,)
        )  # fmt: skip
    truth._heads({room: (head.seq, head.chain) for room, head in ledger.heads.items()})
    return truth


def from_folder(folder: Path, but: tuple[str, ...] = ()) -> Truth:
    """What the database in a data folder has committed. Rooms named in ``but`` are left
    out: they are of no interest, and large.

    Raises sqlite3.Error.
    """
    truth = Truth()
    uri = f"{(folder / DATABASE).absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
        db.execute("BEGIN")
        for kind in _KINDS:
            sql = "SELECT kind, key, body FROM record WHERE kind = ?"
            for one in db.execute(sql, (kind,)):
                truth._record(*one)
        left_out = {n for n, log in truth.logs.items() if log.name in but}
        truth._rows(_stored(db, left_out))
        found = db.execute("SELECT room, seq, chain FROM head")
        heads = {room: (seq, chain) for room, seq, chain in found}
    for number in left_out:
        del truth.logs[number]
    truth._heads(heads)
    return truth


def _stored(db: sqlite3.Connection, but: set[int]) -> Iterator[Fields]:
    """Rows in the order of their commits, read without the help of any index."""
    sql = (
        "SELECT room, seq, at, body, chain, origin, cid, digest FROM log"
        " WHERE room NOT IN (SELECT value FROM json_each(?)) ORDER BY pos"
    )
    return map(Fields._make, db.execute(sql, (json.dumps(list(but)),)))
