"""The whole state of a hub as plain data that can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum
from operator import attrgetter
from typing import Any, TypeVar

from relaychat.hub.peer import Form, Peer
from relaychat.hub.state import Ban, Device, Member, Room, State, User
from relaychat.hub.tail import Tail
from relaychat.model.names import fold
from relaychat.model.policy import Policy

IGNORED = {
    User: {"timer"},
    Peer: {"address", "dialect", "send", "since_us", "spoke_us", "spoken"},
    State: {"moves"},
}
"""Fields that are no state: how something is done, what is measured, or what was only
looked up."""

T = TypeVar("T")
Plain = Any
Things = (User, Member, Room, Device, Peer, State)
_SIMPLE = (str, int, float, bool, bytes, frozenset, type(None), Enum)
"""What can't change."""
_ENTRY = attrgetter("seq", "body")


class Snapshot:
    """Walks the graph from the state, and writes every object down once. A simulated
    run does so hundreds of times: how a value is written down is looked up by its
    type."""

    def __init__(self, state: State) -> None:
        self._names: dict[int, str] = {}
        self.things: dict[str, Plain] = {}
        self._plain(state)

    def _name(self, thing: object) -> str:
        match thing:
            case User():
                name = f"user {thing.key}"
            case Member():
                name = f"member {thing.room.number} {thing.user.key}"
            case Room():
                name = f"room {thing.number} {thing.name}"
            case Device() | Peer():
                name = f"{type(thing).__name__} {thing.number}"
            case _:
                name = type(thing).__name__
        # There may be two users of a key: the one of now, and one in a former stay.
        return f"{name} at {id(thing):x}"

    def _plain(self, value: object) -> Plain:
        how = _HOW[type(value)]
        return value if how is None else how(self, value)

    def _thing(self, thing: object) -> str:
        name = self._names.get(id(thing))
        if name is None:
            name = self._names[id(thing)] = self._name(thing)
            fields, values = _FIELDS[type(thing)]
            plain = [
                one if (how := _HOW[type(one)]) is None else how(self, one)
                for one in values(thing)
            ]
            self.things[name] = dict(zip(fields, plain, strict=True))
        return name

    def _mapping(self, value: dict[Any, Any]) -> Plain:
        plain = {self._plain(key): self._plain(one) for key, one in value.items()}
        if plain and isinstance(next(iter(value)), Form):
            # A form without readers is as good as none.
            return {form: readers for form, readers in plain.items() if readers}
        return plain

    def _sequence(self, value: Iterable[object]) -> Plain:
        return [self._plain(one) for one in value]

    def _tail(self, value: Tail) -> Plain:
        return list(map(_ENTRY, value.entries))

    def _form(self, value: Form) -> Plain:
        return f"form {type(value).__name__}"

    def _other(self, value: object) -> Plain:
        return "call" if callable(value) else repr(value)


def _how(kind: type) -> Callable[[Snapshot, Any], Plain] | None:
    """How a value of this type is written down; None for as it is."""
    if issubclass(kind, _SIMPLE) or (issubclass(kind, Ban | Policy)):
        return None
    table: dict[type | tuple[type, ...], Callable[[Snapshot, Any], Plain]] = {
        Things: Snapshot._thing,
        Tail: Snapshot._tail,
        Form: Snapshot._form,
        dict: Snapshot._mapping,
        (tuple, list): Snapshot._sequence,
    }
    found = (how for kinds, how in table.items() if issubclass(kind, kinds))
    return next(found, Snapshot._other)


def _fields(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The fields of a thing that are state, and what gets their values."""
    if issubclass(kind, State):
        names: Iterable[str] = vars(State())
    else:
        names = (Peer if issubclass(kind, Peer) else kind).__slots__  # type: ignore[attr-defined]
    ignored = next((IGNORED[one] for one in IGNORED if issubclass(kind, one)), set())
    fields = tuple(name for name in names if name not in ignored)
    return fields, attrgetter(*fields)


class ByType(dict[type, T]):
    """What was found out about types."""

    def __init__(self, find: Callable[[type], T]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, kind: type) -> T:
        found = self[kind] = self._find(kind)
        return found


_HOW, _FIELDS = ByType(_how), ByType(_fields)


def snapshot(state: State) -> Plain:
    """All of it."""
    return Snapshot(state).things


def durable(state: State) -> Plain:
    """What of it another hub must find again in the store."""
    rooms = {room.number: _durable_room(room) for room in state.rooms.values()}
    users = {
        user.key: (user.nick, user.account, user.stays, user.window_s)
        for user in state.users.values()
        if user.rooms
    }
    nicks = {fold(nick): key for key, (nick, *_) in users.items()}
    looks = {
        look: sorted(nick for nick in folded if nick in nicks)
        for look, folded in state.looks.items()
        if any(nick in nicks for nick in folded)
    }
    return {"rooms": rooms, "users": users, "looks": looks}


def _durable_room(room: Room) -> Plain:
    members = {**{user.key: one for user, one in room.members.items()}, **room.former}
    return {
        "name": room.name,
        "kind": room.kind,
        "created": room.created,
        "owner": room.owner,
        "policy": room.policy,
        "topic": (room.topic, room.topic_by, room.topic_at),
        "bans": (room.bans, room.exceptions),
        "log": (room.epoch, room.seq, room.at, room.chain) if room.logged else None,
        "derived": (room.open_history, room.logged, room.guarded),
        "members": {key: _durable_member(one) for key, one in members.items()},
    }


def _durable_member(member: Member) -> Plain:
    return (member.role, member.joined, member.past, member.marked, member.present)


# -- what always holds ----------------------------------------------------------------

Check = Callable[[bool, str], None]


def contradictions(state: State) -> list[str]:
    """What in the state does not fit together; empty for a sound one."""
    found: list[str] = []

    def check(holds: bool, what: str) -> None:
        if not holds:
            found.append(what)

    for name, room in state.rooms.items():
        check(fold(room.name) == name, f"{name} is filed elsewhere")
        check(bool(room.members) or room.kind == "kept", f"{name} is empty")
        for user, member in room.members.items():
            check(user.rooms.get(room) is member, f"{user.key} is half in {name}")
            check(state.users.get(user.key) is user, f"{user.key} is a stranger")
            check(user.key not in room.former, f"{user.key} is twice in {name}")
        for form, readers in room.readers.items():
            for peer in readers:
                fits = peer.user in room.members and peer.behind is None
                check(fits, f"{peer.number} may not read {name}")
                check(peer.form is form and not peer.gone, f"{peer.number} of no form")
    owned = Counter(room.owner for room in state.rooms.values() if room.owner)
    check(owned == state.owned, f"owned are {owned}, not {state.owned}")
    for key, user in state.users.items():
        _check_user(state, key, user, check)
    for peer in state.peers:
        _check_peer(state, peer, check)
    for nick, holder in state.nicks.items():
        mine = holder.nick if isinstance(holder, Peer) else fold(holder.nick)
        check(mine == nick, f"{nick} is kept for nobody")
    for device in state.devices.values():
        fits = device.peer is None or device.peer.device is device
        check(fits, f"device {device.number} is two")
    return found


def _check_user(state: State, key: str, user: User, check: Check) -> None:
    check(user.key == key, f"{key} is filed elsewhere")
    check(state.nicks.get(fold(user.nick)) is user, f"{key} lost the nick {user.nick}")
    present = bool(user.peers) or user.until_us > 0
    check(present == user.online, f"{key} is {user.online} online")
    check(present or bool(user.rooms), f"{key} is left over")
    guest = user.account is None
    check(present or not guest, f"guest {key} is left over")
    for peer in user.peers:
        check(peer.user is user, f"{peer.number} has another user")
    for room, member in user.rooms.items():
        check(state.rooms.get(fold(room.name)) is room, f"{room.name} is closed")
        check(room.members.get(user) is member, f"{key} is half in {room.name}")


def _check_peer(state: State, peer: Peer, check: Check) -> None:
    user = peer.user
    check(not peer.gone, f"{peer.number} is gone")
    mine = peer.device is None or peer.device.peer is peer
    check(mine, f"{peer.number} is not its device's session")
    if user is None:
        check(peer.behind is None, f"{peer.number} is behind nothing")
        return
    check(state.users.get(user.key) is user, f"{peer.number} is nobody")
    check(peer in user.peers, f"{peer.number} is not its user's")
    if peer.behind is not None:
        check(set(peer.behind) == set(user.rooms), f"{peer.number} lost a cursor")
        return
    for room in user.rooms:
        readers = room.readers.get(peer.form, {})
        check(peer in readers, f"{peer.number} does not read {room.name}")
