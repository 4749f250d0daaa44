"""One turn of the hub: a draft of what is to happen, and how to take it back (H2, H3).

Decisions change the live state at once, only through this class, which notes the
inverse of every change. What they tell anybody is collected here too, in order, and
leaves only after the commit. ``ordinal`` numbers everything told: it is the turn's
order (H6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from relaychat.hub.draft import (
    Afterwards,
    Barrier,
    Cid,
    Drafted,
    Fetch,
    Need,
    Rooms,
    Start,
    Told,
)
from relaychat.hub.house import House
from relaychat.hub.peer import Form, Peer
from relaychat.hub.records import record_of
from relaychat.hub.state import Room, State, Thing
from relaychat.hub.tail import Kept
from relaychat.model.chain import body_digest, link_all, mark
from relaychat.model.commands import Command, Say
from relaychat.model.errors import RelayError, Unavailable
from relaychat.model.events import Done, LogEvent, UserEvent
from relaychat.model.names import fold
from relaychat.model.words import Word
from relaychat.store.api import (
    Batch,
    Blank,
    First,
    Record,
    Row,
    head,
    row,
)

encode = msgspec.json.Encoder().encode

NAMING = frozenset({"nick", "user"})
"""Fields that say who somebody is: what others know of them is not valid any more."""


class Turn:
    """The draft. ``at`` is the wall clock in ms; ``refusing`` means that the store
    can't keep anything now, so that whatever would be durable is refused (H3)."""

    def __init__(self, house: House, state: State, refusing: bool = False) -> None:
        self.house = house
        self.state = state
        self.at = house.world.now_ms()
        self.refusing = refusing
        self.ordinal = 0
        self.undo: list[tuple[Any, ...]] = []
        self.starts: dict[Room, Start] = {}
        self.rooms: Rooms = {}
        self.segments: list[Rooms | Barrier] = []
        self.told: list[Told] = []
        self.special: dict[Peer, list[tuple[int, bytes]]] = {}
        """Sessions that get slices instead of whole payloads (H6)."""
        self.spans: dict[Room, dict[Peer, list[list[int]]]] = {}
        """First and last ordinal shown to sessions that came or went in this turn."""
        self.rows: list[Row] = []
        self.entries = 0
        """How many entries its rows have."""
        self.askers: list[int] = []
        """For each row, the index of the command that its first entry comes from."""
        self.blanks: list[Blank] = []
        self.records: dict[tuple[str, str], Record] = {}
        self.dirty: dict[Thing, None] = {}
        self.kept: dict[Room, list[Kept]] = {}
        self.blanked: dict[tuple[Room, int], Kept] = {}
        """What takes the place of redacted entries, in memory too."""
        self.cids: dict[tuple[int, int], First] = {}
        """Where the turn's own client ids are, by device (H20)."""
        self.closing: list[tuple[Peer, RelayError]] = []
        self.after: list[Callable[[Afterwards], None]] = []
        """What is to be done once the turn was delivered."""
        self.fetched: dict[object, Any] = {}
        self.index = 0
        self.first_pos = 0
        """Place of its first row in the global commit order, as the hub expects it."""

    # -- state, with its inverse ----------------------------------------------

    def set(self, thing: Thing | Peer | State, field: str, value: object) -> None:
        """Set a field of a thing. Raises Unavailable, like ``touch``."""
        self.undo.append((setattr, thing, field, getattr(thing, field)))
        setattr(thing, field, value)
        if field in NAMING:
            self.state.moves += 1
        if (
            field in thing.DURABLE
            and not isinstance(thing, (Peer, State))
            and thing.recorded
        ):
            self.touch(thing)

    def touch(self, thing: Thing) -> None:
        """The record of this thing changed (or is to be written, or dropped).

        Raises Unavailable while nothing can be kept.
        """
        if self.refusing:
            raise Unavailable
        self.dirty[thing] = None

    def put(self, mapping: dict[Any, Any], key: object, value: object) -> None:
        """Put a key into a dict of the state."""
        self.state.moves += 1
        if key in mapping:
            self.undo.append((dict.__setitem__, mapping, key, mapping[key]))
        else:
            self.undo.append((dict.pop, mapping, key, None))
        mapping[key] = value

    def drop(self, mapping: dict[Any, Any], key: object) -> None:
        """Take a key out of a dict of the state; harmless when it is not there."""
        self.state.moves += 1
        if key in mapping:
            self.undo.append((dict.__setitem__, mapping, key, mapping.pop(key)))

    def set_room(self, room: Room, field: str, value: object) -> None:
        """Set a field of a room from which others follow: kind, policy, bans."""
        self.undo.append((room.assign, field, getattr(room, field)))
        room.assign(field, value)
        self.touch(room)

    def seal(self, room: Room) -> None:
        """The room closes: its log ends, and its name is free (H10)."""
        self.drop(self.state.rooms, fold(room.name))
        self.touch(room)
        self.after.append(lambda hub: hub.forget(room))
        number = str(room.number)
        self.records["sealed", number] = Record("sealed", number, encode(room.name))

    def roll_back(self) -> None:
        """Take everything back: the state is as if the turn had never been."""
        self.state.moves += 1
        for call, *arguments in reversed(self.undo):
            call(*arguments)
        for room, start in self.starts.items():
            room.seq, room.at, room.chain = start.seq, start.at, start.chain

    def touched(self, undone: int, told: int, dirty: int) -> bool:
        """Whether anything happened since the undo journal, ``ordinal`` and ``dirty``
        were at these."""
        return (undone, told, dirty) != (len(self.undo), self.ordinal, len(self.dirty))

    def need(self, key: object, fetch: Fetch) -> Any:
        """Something of the store's, which was read before this turn began.

        Raises Need when it was not: the command is decided again in the next turn.
        """
        if key in self.fetched:
            return self.fetched[key]
        raise Need(key, fetch)

    # -- the log --------------------------------------------------------------

    def stamp(self, room: Room) -> tuple[int, int]:
        """The seq and time of the room's next entry (H4)."""
        return room.seq + 1, room.at if room.at > self.at else self.at

    def append(
        self,
        room: Room,
        event: LogEvent,
        peer: Peer | None = None,
        cid: Cid | None = None,
        ref: int | None = None,
    ) -> None:
        """Add an event, made with ``stamp``, to its room's log. ``peer`` is who wrote
        it, ``ref`` the seq that it is about.

        Raises Unavailable while nothing can be kept.
        """
        self.extend(room, (event,), peer, None if cid is None else (cid,), ref)

    def extend(
        self,
        room: Room,
        events: Sequence[LogEvent],
        peer: Peer | None = None,
        cids: Sequence[Cid] | None = None,
        ref: int | None = None,
        asked: Sequence[Say] = (),
    ) -> None:
        """``append`` for several events that follow one another, of as many commands.
        Those that are ``asked`` are answered, each behind its event. The hottest loop
        of the hub.

        Raises Unavailable while nothing can be kept.
        """
        logged = room.logged
        if logged and self.refusing:
            raise Unavailable
        origin = None if peer is None else self._origin(peer, logged)
        hidden_from = peer if peer and room.hides_own(peer.form) else None
        kept = self.kept.get(room)
        if kept is None:
            kept = self.kept[room] = []
            self.starts[room] = Start(room.seq, room.at, room.chain)
        drafted = self.rooms.get(room)
        if drafted is None:
            drafted = self.rooms[room] = []
        step = 2 if asked else 1
        drafted.append(Drafted(self.ordinal + 1, events, hidden_from, step))
        seq, at = events[0].seq, events[0].at
        bodies = [encode(event) for event in events]
        pos = self.first_pos + self.entries
        more = tuple(bodies[1:]) if cids is None else ()
        if cids is None:
            kept.append(Kept(pos, seq, at, bodies[0], origin, None, None, more))
        else:
            for n, (_, cid, digest) in enumerate(cids):
                kept.append(Kept(pos + n, seq + n, at, bodies[n], origin, cid, digest))
        if peer is not None:
            for n, one in enumerate(asked):
                done = Done(room.name, seq + n, one.cid, id=one.id)
                self.told.append(Told(self.ordinal + 2 + 2 * n, peer, one, done))
        self.ordinal += step * len(bodies)
        if logged:
            self._log(room, seq, at, bodies, more, origin, cids, ref)
        room.seq, room.at = seq + len(bodies) - 1, at
        if cids is not None:
            self._use(room, events, cids)

    def _log(
        self,
        room: Room,
        seq: int,
        at: int,
        bodies: list[bytes],
        more: tuple[bytes, ...],
        origin: int | None,
        cids: Sequence[Cid] | None,
        ref: int | None,
    ) -> None:
        """Rows for these entries: one for the stretch, or with client ids one each."""
        self.entries += len(bodies)
        marks = [mark(seq + n, at, body_digest(body)) for n, body in enumerate(bodies)]
        chain = room.chain = link_all(room.chain, marks)
        number, index = room.number, self.index
        if cids is None:
            stretch = (
                number, seq, at, bodies[0], chain, origin, None, None, ref, more,
            )  # fmt: skip
            self.rows.append(row(stretch))
            self.askers.append(index)
            return
        last = len(bodies) - 1
        for n, (body, (_, cid, digest)) in enumerate(zip(bodies, cids, strict=True)):
            here = chain if n == last else b""
            self.rows.append(
                row((number, seq + n, at, body, here, origin, cid, digest, ref, ()))
            )
            self.askers.append(index + n)

    def _use(self, room: Room, events: Sequence[LogEvent], cids: Sequence[Cid]) -> None:
        for event, (device, number, digest) in zip(events, cids, strict=True):
            first = First(room.number, event.seq, digest)
            self.cids[device.number, number] = first
        self.set(device, "high", number)  # They rise, and are above all before (H20).

    def _origin(self, peer: Peer, logged: bool) -> int:
        device = peer.device
        if device is None:
            return -peer.number
        if logged and not device.stored:
            self.set(device, "stored", True)
        return device.number

    def moment(self, room: Room, event: Word, peer: Peer) -> None:
        """Something for the room's live readers but its sender; not kept."""
        self.ordinal += 1
        drafted = self.rooms.setdefault(room, [])
        drafted.append(Drafted(self.ordinal, (event,), peer))

    def blank(self, room: Room | int, event: LogEvent, was: bytes) -> None:
        """An entry's text is to leave the log: ``event`` takes its place (H32). It may
        be there also where the room keeps no log any more. A number is a room that was
        closed.

        Raises Unavailable while nothing can be kept.
        """
        if self.refusing:
            raise Unavailable
        body = encode(event)
        number = room if isinstance(room, int) else room.number
        self.blanks.append(Blank(number, event.seq, body, body_digest(was)))
        if not isinstance(room, int):
            self.blanked[room, event.seq] = Kept(0, event.seq, event.at, body, None)

    # -- telling --------------------------------------------------------------

    def answer(self, peer: Peer, command: Command, result: Word) -> None:
        """The outcome of a command, in its place among the events."""
        self.ordinal += 1
        self.told.append(Told(self.ordinal, peer, command, result))

    def tell(self, peer: Peer, word: Word) -> None:
        """Something that this session alone is shown, unasked: rendered at once, for it
        may be called otherwise, or be gone, at the end of the turn."""
        self.ordinal += 1
        if frames := peer.tell(word):
            self.special.setdefault(peer, []).append((self.ordinal, frames))

    def announce(
        self, event: UserEvent, neighbours: dict[Form, dict[Peer, None]]
    ) -> None:
        """A user event: goes out behind what its rooms were told before (H14)."""
        self.ordinal += 1
        if self.rooms:
            self.segments.append(self.rooms)
            self.rooms = {}
        self.segments.append(Barrier(self.ordinal, event, neighbours))

    def enters(self, peer: Peer, room: Room) -> None:
        """This session follows the room from the next event on."""
        self.special.setdefault(peer, [])
        stays = self.spans.setdefault(room, {}).setdefault(peer, [])
        stays.append([self.ordinal + 1, 2**62])

    def leaves(self, peer: Peer, room: Room) -> None:
        """This session was told the room's last event, and nothing further."""
        self.special.setdefault(peer, [])
        stays = self.spans.setdefault(room, {}).setdefault(peer, [[0, 2**62]])
        stays[-1][1] = self.ordinal

    def close(self, peer: Peer, error: RelayError) -> None:
        """Hang up on this session, with its goodbye behind all that it is told."""
        self.closing.append((peer, error))

    # -- what it comes to -----------------------------------------------------

    def durable(self) -> bool:
        """Whether anything of it goes to the store."""
        return bool(self.rows or self.blanks or self.records or self.dirty)

    def batch(self) -> Batch:
        """What is to be committed."""
        for thing in self.dirty:
            record = record_of(thing, self.state)
            self.records[record.kind, record.key] = record
        last = {row.room: row for row in self.rows}
        heads = []
        for room, start in self.starts.items():
            row = last.get(room.number)
            if row is not None:
                one = (row.room, start.seq, row.last, row.at, row.chain)
                heads.append(head(one))
        return Batch(self.rows, heads, list(self.records.values()), self.blanks)

    def stands_at(self, first_pos: int) -> None:
        """Where the commit has put its first row: where it was expected, if all is
        well."""
        if first_pos != self.first_pos:
            for entries in self.kept.values():
                for kept in entries:
                    kept.pos += first_pos - self.first_pos

    def parts(self) -> list[Rooms | Barrier]:
        """What rooms and neighbours are told, in order."""
        return [*self.segments, self.rooms] if self.rooms else self.segments
