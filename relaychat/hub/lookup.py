"""Finding what a command names. Each raises the error that tells the peer what is
wrong."""

from __future__ import annotations

from typing import NoReturn

import msgspec

from relaychat.hub.draft import Cid, Settled
from relaychat.hub.peer import Peer
from relaychat.hub.state import Member, Room, User
from relaychat.hub.turn import Turn
from relaychat.model.chain import body_digest
from relaychat.model.commands import Command, Custom, Edit, React, Redact, Say
from relaychat.model.errors import (
    BadText,
    CannotSpeak,
    CidNeedsDevice,
    CidPassed,
    CidReused,
    Forbidden,
    NoSuchRoom,
    NoSuchUser,
    NotInRoom,
    OutOfOrder,
    RelayError,
    TooLong,
    Unavailable,
)
from relaychat.model.events import Done
from relaychat.model.names import fold, identity, matches, skeleton
from relaychat.model.policy import Role, RoleName
from relaychat.store.api import First

ROLE_NAMES: dict[Role, RoleName] = {
    Role.MEMBER: "member",
    Role.VOICE: "voice",
    Role.OPERATOR: "operator",
    Role.OWNER: "owner",
}
NO_SIGIL = "there is no such room; names of rooms begin with #"
ROLES = {name: role for role, name in ROLE_NAMES.items()}


def user_of(peer: Peer) -> User:
    """Who speaks. Raises OutOfOrder before hello."""
    if peer.user is None:
        raise OutOfOrder
    return peer.user


def find_user(turn: Turn, nick: str) -> User:
    """Somebody who is here, or an account that is not: that one is not in the state.

    Raises NoSuchUser.
    """
    state = turn.state
    folded = fold(nick)
    user = state.user_of(folded) or state.users.get(folded)
    if user is not None:
        return user
    account = account_name(turn, folded)
    if account is None:
        raise NoSuchUser(about=nick)
    return User(folded, account, account)


def account_name(turn: Turn, folded: str) -> str | None:
    """How an account is written, or None when there is none of this name."""
    account = _account(turn, folded)
    return None if account is None or account.deleted else account.name


class _Account(msgspec.Struct):
    name: str
    deleted: bool = False


def _account(turn: Turn, folded: str) -> _Account | None:
    body = turn.need(("account", folded), lambda store: store.record("account", folded))
    return None if body is None else msgspec.json.decode(body, type=_Account)


def account_like(turn: Turn, nick: str) -> str | None:
    """The key of the account that a nick belongs to or looks like, or None (H13). That
    of one that was deleted stays its own."""
    folded = fold(nick)
    if _account(turn, folded) is not None:
        return folded
    look = skeleton(folded)
    first = turn.need(("look", look), lambda store: store.record("look", look))
    if first is None or (folded.isascii() and first.isascii()):
        return None
    return str(first.decode())


def direct_name(one: User, other: User) -> str:
    """The name of the direct room of two users (H12), which renames don't change."""
    first, second = sorted((one.key, other.key))
    return f"@{first},{second}"


def other_of(room: Room, user: User) -> User:
    """The other one in a direct room; oneself where there is no other."""
    for member in room.members:
        if member is not user:
            return member
    return user


def find_room(turn: Turn, user: User | None, name: str) -> Room:
    """A room by its name, ``@nick`` for a direct one.

    Nobody is a control session, which finds all. Raises NoSuchRoom, also for a secret
    or a direct one that is not theirs; NoSuchUser.
    """
    state = turn.state
    if name.startswith("@") and "," not in name:
        if user is None:
            raise NoSuchRoom(about=name)
        key = direct_name(user, find_user(turn, name[1:]))
    else:
        key = name if name in state.rooms else fold(name)
    room = state.rooms.get(key)
    if room is None or (
        (room.policy.secret or room.kind == "direct")
        and user is not None
        and room not in user.rooms
    ):
        raise NoSuchRoom("" if name.startswith(("#", "@")) else NO_SIGIL, name)
    return room


def member_in(user: User, room: Room) -> Member:
    """Their membership. Raises NotInRoom."""
    member = user.rooms.get(room)
    if member is None:
        raise NotInRoom(about=room.name)
    return member


def require_role(user: User, room: Room, least: Role) -> Member:
    """Their membership, with enough of a role. Raises NotInRoom, Forbidden."""
    member = member_in(user, room)
    if member.role < least:
        raise Forbidden(f"you need to be {ROLE_NAMES[least]} for this", room.name)
    return member


def no_direct(room: Room) -> None:
    """Raises Forbidden for what a direct room does not have."""
    if room.kind == "direct":
        raise Forbidden("a direct room has none of this", room.name)


def banned(room: Room, user: User) -> bool:
    """Whether a ban of the room touches them, and no exception saves them."""
    if not room.bans:
        return False
    who = identity(user.nick, user.account)
    if not any(matches(ban.mask, who) for ban in room.bans):
        return False
    return not any(matches(ban.mask, who) for ban in room.exceptions)


def require_voice(user: User, room: Room, member: Member | None) -> None:
    """Raises NotInRoom or CannotSpeak for who may not speak there."""
    if member is None and room.policy.members_only:
        raise NotInRoom(about=room.name)
    role = member.role if member else Role.MEMBER
    if role >= Role.VOICE:
        return
    if room.policy.moderated or banned(room, user):
        raise CannotSpeak(about=room.name)


def check_bytes(text: str, limit: int, what: str) -> None:
    """A short text of one line: a topic, a reason. Raises TooLong, BadText."""
    if len(text) * 4 > limit and len(text.encode("utf-8", "replace")) > limit:
        raise TooLong(f"{what}: more than {limit} bytes")
    if any(c in text for c in "\0\r\n"):
        raise BadText(f"{what}: one line, without NUL")


# -- client ids (H5, H20) -----------------------------------------------------

Sent = Say | Edit | Redact | React | Custom
"""What may carry a client id."""


def cid_digest(command: Command) -> int:
    """A digest of what a command asks for, without its labels; signed, 64 bit."""
    body = msgspec.json.encode(msgspec.structs.replace(command, id=None))
    return int.from_bytes(body_digest(body)[:8], "big", signed=True)


def use_cid(turn: Turn, peer: Peer, command: Sent) -> Cid | None:
    """The command's client id, ready for use, or None when it has none.

    Raises Settled if it came before, CidNeedsDevice, CidPassed, CidReused, Unavailable.
    """
    number = command.cid
    if number is None:
        return None
    device = peer.device
    if device is None:
        raise CidNeedsDevice
    if peer.refused_cid and number > peer.refused_cid:
        raise Unavailable
    cid = Cid(device, number, cid_digest(command))
    if number <= device.high:
        first = (
            turn.cids.get((device.number, number))
            or _first_in_ring(turn, command.room, cid)
            or turn.need(
                ("first", device.number, number),
                lambda store: store.first(device.number, number),
            )
        )
        if first is None:
            raise CidPassed
        settle(turn, peer, command, first)
    return cid


def _first_in_ring(turn: Turn, name: str, cid: Cid) -> First | None:
    """Where a room without a log still holds a cid's first use (H19)."""
    room = turn.state.rooms.get(fold(name))
    if room is None or room.logged:
        return None
    for kept in room.tail.entries:
        if kept.cid == cid.number and kept.origin == cid.device.number:
            return First(room.number, kept.seq, kept.cid_hash or 0)
    return None


def settle(turn: Turn, peer: Peer, command: Sent, first: First) -> NoReturn:
    """Answer a cid that was used before with its first answer (H20).

    Raises Settled, or CidReused if something else was asked then.
    """
    if first.cid_hash != cid_digest(command):
        raise CidReused
    try:
        name = find_room(turn, peer.user, command.room).name
    except RelayError:
        name = command.room
    done = Done(name, first.seq, command.cid, duplicate=True, id=command.id)
    raise Settled(peer, done)
