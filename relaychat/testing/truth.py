"""What a store holds, as the checker needs it: the logs, and what follows from them.

Read from a store's data, not through the relay: ``from_folder`` from the database of a
server that runs or does not, ``from_ledger`` from a store in memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from relaychat.auth.devices import device_key
from relaychat.hub.records import MemberRecord, RoomRecord, UserRecord
from relaychat.model.chain import START
from relaychat.model.names import fold
from relaychat.model.policy import Role
from relaychat.store.checks import cut
from relaychat.store.ledger import Ledger
from relaychat.testing.retold import Kept, Standing
from relaychat.testing.roomlog import Fields, Log, decode

DATABASE = "relaychat.db"


class _Device(msgspec.Struct):
    number: int


class Place(NamedTuple):
    """An entry of a log."""

    log: Log
    seq: int


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
        self._kept: dict[int, Kept] = {}
        self._nicks: dict[str, str] = {}

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
            room = msgspec.json.decode(body, type=RoomRecord)
            log = self._log(int(key), room.name, room.epoch)
            log.kind, log.kept = room.kind, room.policy.history != "none"
            self._kept[int(key)] = Kept(
                room.topic,
                room.policy,
                {ban.mask for ban in room.bans},
                {exception.mask for exception in room.exceptions},
            )
        elif kind == "user":
            self._nicks[key] = msgspec.json.decode(body, type=UserRecord).nick
        elif kind == "member":
            self._member(key, msgspec.json.decode(body, type=MemberRecord))
        elif kind == "sealed":
            self._log(int(key), msgspec.json.decode(body, type=str))
        elif kind == "device":
            self.devices[key] = msgspec.json.decode(body, type=_Device).number

    def _member(self, key: str, member: MemberRecord) -> None:
        room, _, user = key.partition(" ")
        kept = self._kept.get(int(room))
        if kept is not None and member.present:
            nick = fold(self._nicks.get(user, member.nick))
            role = Role(member.role).name.lower()
            kept.members[nick] = Standing(role, member.joined)

    def _rows(self, rows: Iterable[Fields]) -> None:
        for row in rows:
            log = self.logs.get(row.room)
            if log is None:
                log = self._log(row.room, decode(row.body).room)
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
            log.wrong += [f"{log}: {text}" for text in log.retold.wrong]
            kept = self._kept.get(number)
            if kept is not None and log.kept and log.kind != "direct":
                told = log.retold.against(kept)
                log.beside += [f"{log}: {text}" for text in told]


_KINDS = ("room", "sealed", "device", "user", "member")
"""In this order: members need the others."""


def from_ledger(ledger: Ledger) -> Truth:
    """What a store in memory has committed."""
    truth = Truth()
    for wanted in _KINDS:
        for (kind, key), body in ledger.records.items():
            if kind == wanted:
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
        "SELECT room, seq, at, body, sizes, chain, origin, cid, digest FROM log"
        " WHERE room NOT IN (SELECT value FROM json_each(?)) ORDER BY pos"
    )
    for row in db.execute(sql, (json.dumps(list(but)),)):
        room, seq, at, whole, sizes, chain, origin, cid, digests = row
        bodies = cut(whole, sizes)
        for n, body in enumerate(bodies):
            last = n == len(bodies) - 1
            digest = (digests or b"")[16 * n : 16 * (n + 1)]
            yield Fields(
                room, seq + n, at, body, chain if last else b"", origin, cid,
                digest if any(digest) else None,
            )  # fmt: skip
