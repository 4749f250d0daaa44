"""How rooms and people are shown to somebody, at this moment of the turn."""

from __future__ import annotations

from itertools import islice

from msgspec.structs import replace

from relaychat.hub.lookup import ROLE_NAMES, other_of
from relaychat.hub.peer import Peer
from relaychat.hub.state import Member, Room, User
from relaychat.hub.turn import Turn
from relaychat.model.commands import Command
from relaychat.model.events import MemberEntry, RoomShown
from relaychat.model.paging import LIST_BYTES, fitting

ENTRY_BYTES = 256
"""No entry of a member is longer: two names of 64 bytes, and 80 of JSON."""


def member_entry(member: Member) -> MemberEntry:
    """A member, as lists show it."""
    user = member.user
    return MemberEntry(
        user.nick, ROLE_NAMES[member.role], user.account, user.online, bool(user.away)
    )


def _partner(room: Room, user: User) -> str | None:
    if room.kind != "direct":
        return None
    return room.departed or other_of(room, user).nick


def shown(
    turn: Turn, room: Room, user: User, peer: Peer, command: Command | None = None
) -> RoomShown:
    """A room as its member sees it, or who looks in from outside. To a member, what
    follows ``seq`` will come as events."""
    whole = peer.form.whole_lists
    limit = len(room.members) if whole else turn.house.limits.members_shown
    members = map(member_entry, islice(room.members.values(), limit))
    small = whole or len(room.members) * ENTRY_BYTES <= LIST_BYTES
    return _shown(room, user, tuple(members) if small else fitting(members), command)


def shown_again(room: Room, user: User, command: Command | None = None) -> RoomShown:
    """A room for who was shown it before, without its members."""
    return replace(_shown(room, user, (), command), again=True)


def _shown(
    room: Room, user: User, members: tuple[MemberEntry, ...], command: Command | None
) -> RoomShown:
    member = user.rooms.get(room)
    return RoomShown(
        room.name,
        room.epoch,
        room.seq,
        room.topic,
        room.topic_by,
        room.topic_at,
        room.created,
        room.policy if member else replace(room.policy, key=""),
        ROLE_NAMES[member.role] if member else "member",
        members,
        len(room.members),
        member.marked if member else 0,
        _partner(room, user),
        id=command.id if command else None,
    )
