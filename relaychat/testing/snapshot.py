"""The whole state of a hub as plain data that can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from msgspec import Struct

from relaychat.hub.peer import Form, Peer
from relaychat.hub.state import Device, Member, Room, State, User
from relaychat.hub.tail import Tail
from relaychat.model.names import fold

IGNORED = {
    User: {"timer"},
    Peer: {"address", "dialect", "send", "since_us", "spoke_us"},
}
"""Fields that are no state: how something is done, or what is measured."""

Plain = Any
_SIMPLE = (str, int, bool, bytes, type(None))
Things = (User, Member, Room, Device, Peer, State)


class Snapshot:
    """Walks the graph from the state, and writes every object down once."""

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
        if type(value) in _SIMPLE:
            return value
        match value:
            case User() | Member() | Room() | Device() | Peer() | State():
                return self._thing(value)
            case Tail():
                return [(kept.seq, kept.body) for kept in value.entries]
            case Form():
                return f"form {type(value).__name__}"
            case dict():
                plain = {
                    self._plain(key): self._plain(one) for key, one in value.items()
                }
                # A form without readers is as good as none.
                return {
                    key: one
                    for key, one in plain.items()
                    if one != {} or not str(key).startswith("form ")
                }
            case tuple() | list():
                return [self._plain(one) for one in value]
            case Struct() | Enum():
                return repr(value)
        return "call" if callable(value) else value

    def _thing(self, thing: object) -> str:
        if id(thing) in self._names:
            return self._names[id(thing)]
        name = self._names[id(thing)] = self._name(thing)
        ignored = next(
            (IGNORED[kind] for kind in IGNORED if isinstance(thing, kind)), set()
        )
        self.things[name] = {
            field: self._plain(getattr(thing, field))
            for field in _fields(thing)
            if field not in ignored
        }
        return name


def _fields(thing: object) -> Iterable[str]:
    if isinstance(thing, State):
        return vars(thing)
    if isinstance(thing, Peer):
        return Peer.__slots__
    slots: tuple[str, ...] = type(thing).__slots__  # type: ignore[attr-defined]
    return slots


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
