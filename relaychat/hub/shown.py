"""How rooms and people are shown to somebody, at this moment of the turn."""

from __future__ import annotations

from itertools import islice

from msgspec.structs import replace

from relaychat.hub.lookup import ROLE_NAMES, other_of
from relaychat.hub.state import Member, Room, User
from relaychat.hub.turn import Turn
from relaychat.model.commands import Command
from relaychat.model.events import MemberEntry, RoomShown


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
    turn: Turn,
    room: Room,
    user: User,
    command: Command | None = None,
    members: int | None = None,
) -> RoomShown:
    """A room as its member sees it, or who looks in from outside. To a member, what
    follows ``seq`` will come as events. ``members`` bounds how many are named."""
    limit = turn.house.limits.members_shown if members is None else members
    member = user.rooms.get(room)
    listed = islice(room.members.values(), limit)
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
        tuple([member_entry(one) for one in listed]),
        len(room.members),
        member.marked if member else 0,
        _partner(room, user),
        id=command.id if command else None,
    )
