"""The hub's state as records in the store, and back (see ``store.api.Record``)."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from relaychat.hub.state import Ban, Kind, Member, Room, State, Thing, User
from relaychat.model.names import fold, skeleton
from relaychat.model.policy import Policy, Role
from relaychat.store.api import Record, Snapshot

KINDS = ("room", "member", "user")
"""The kinds that the hub reads at the start. Devices are read as they come."""

_encode = msgspec.json.Encoder().encode


class RoomRecord(Struct, omit_defaults=True):
    """Kind ``room``, key: the room's number."""

    name: str
    epoch: str
    kind: Kind
    created: int
    owner: str = ""
    policy: Policy = Policy()
    topic: str = ""
    topic_by: str = ""
    topic_at: int = 0
    bans: tuple[Ban, ...] = ()
    exceptions: tuple[Ban, ...] = ()
    departed: str = ""


class MemberRecord(Struct, omit_defaults=True):
    """Kind ``member``, key: the room's number, a space, the user's key."""

    nick: str
    """Of use where the user has no record of its own: an account that is not here."""
    role: int = 0
    joined: int = 0
    past: tuple[tuple[int, int], ...] = ()
    marked: int = 0
    present: bool = True


class UserRecord(Struct, omit_defaults=True):
    """Kind ``user``, key: the user's key. Only users that are in a room have one."""

    nick: str
    account: str | None = None
    stays: bool = False
    window_s: int = 0


class DeviceRecord(Struct, omit_defaults=True):
    """Kind ``device``, key: a digest of its secret."""

    number: int
    owner: str


def record_of(thing: Thing, state: State) -> Record:
    """The record of a thing as it is now; without a body when it is to have none."""
    if isinstance(thing, Room):
        open_ = state.rooms.get(fold(thing.name)) is thing
        return Record(
            "room", str(thing.number), _encode(_room(thing)) if open_ else None
        )
    if isinstance(thing, Member):
        key = f"{thing.room.number} {thing.user.key}"
        return Record(
            "member", key, _encode(_member(thing)) if _known(thing, state) else None
        )
    if isinstance(thing, User):
        known = thing.rooms and state.users.get(thing.key) is thing
        return Record("user", thing.key, _encode(_user(thing)) if known else None)
    return Record("device", thing.key, _encode(DeviceRecord(thing.number, thing.owner)))


def _known(member: Member, state: State) -> bool:
    room, user = member.room, member.user
    if state.rooms.get(fold(room.name)) is not room:
        return False
    return room.members.get(user) is member or room.former.get(user.key) is member


def _room(room: Room) -> RoomRecord:
    return RoomRecord(
        room.name, room.epoch, room.kind, room.created, room.owner, room.policy,
        room.topic, room.topic_by, room.topic_at, room.bans, room.exceptions,
        room.departed,
    )  # fmt: skip


def _member(member: Member) -> MemberRecord:
    return MemberRecord(
        member.user.nick, int(member.role), member.joined, member.past,
        member.marked, member.present,
    )  # fmt: skip


def _user(user: User) -> UserRecord:
    return UserRecord(user.nick, user.account, user.stays, user.window_s)


def load(snapshot: Snapshot) -> State:
    """The state that a store's records describe. Nobody is online in it.

    Raises msgspec.ValidationError for a record that is not ours.
    """
    state = State()
    state.last_room = snapshot.last_room
    state.last_device = snapshot.last_device
    for key, body in snapshot.records.get("user", {}).items():
        known = msgspec.json.decode(body, type=UserRecord)
        user = User(key, known.nick, known.account)
        user.stays, user.window_s = known.stays, known.window_s
        state.users[key] = user
        folded = fold(user.nick)
        state.nicks[folded] = user
        look = skeleton(folded)
        state.looks[look] = (*state.looks.get(look, ()), folded)
    rooms = {}
    for number, body in snapshot.records.get("room", {}).items():
        room = _loaded_room(int(number), msgspec.json.decode(body, type=RoomRecord))
        head = snapshot.heads.get(room.number)
        if head is not None:
            room.seq, room.at, room.chain = head.seq, head.at, head.chain
        rooms[number] = state.rooms[fold(room.name)] = room
        if room.owner:
            state.owned[room.owner] = state.owned.get(room.owner, 0) + 1
    for key, body in snapshot.records.get("member", {}).items():
        number, _, user_key = key.partition(" ")
        if number in rooms:
            _load_member(
                state,
                rooms[number],
                user_key,
                msgspec.json.decode(body, type=MemberRecord),
            )
    return state


def _loaded_room(number: int, known: RoomRecord) -> Room:
    room = Room(number, known.name, known.epoch, known.kind)
    room.created, room.owner = known.created, known.owner
    room.topic, room.topic_by, room.topic_at = (
        known.topic,
        known.topic_by,
        known.topic_at,
    )
    room.exceptions, room.departed = known.exceptions, known.departed
    room.assign("bans", known.bans)
    room.assign("policy", known.policy)
    return room


def _load_member(state: State, room: Room, key: str, known: MemberRecord) -> None:
    user = state.users.get(key) or User(key, known.nick, known.nick)
    member = Member(room, user, Role(known.role), known.joined)
    member.past, member.marked, member.present = known.past, known.marked, known.present
    if known.present:
        room.members[user] = member
        user.rooms[room] = member
    else:
        room.former[key] = member
