"""How a room is run: topic, roles, policy, bans."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from relaychat.hub.lookup import (
    ROLE_NAMES,
    ROLES,
    check_bytes,
    find_room,
    find_user,
    member_in,
    no_direct,
    require_role,
    user_of,
)
from relaychat.hub.peer import Peer
from relaychat.hub.state import Ban as RoomBan
from relaychat.hub.turn import Turn
from relaychat.model.commands import Ban, SetPolicy, SetRole, SetTopic
from relaychat.model.errors import Forbidden, TooMany, UserNotInRoom
from relaychat.model.events import BanSet, Done, PolicySet, RoleSet, TopicSet
from relaychat.model.names import complete_mask
from relaychat.model.policy import PolicyChange, Role


def topic(turn: Turn, peer: Peer, command: SetTopic) -> None:
    """Set or remove a topic. Raises Forbidden, NotInRoom, TooLong."""
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    no_direct(room)
    member = member_in(user, room)
    if room.policy.topic_locked and member.role < Role.OPERATOR:
        raise Forbidden("you need to be operator for this", room.name)
    check_bytes(command.text, turn.house.limits.topic_bytes, "topic")
    seq, at = turn.stamp(room)
    event = TopicSet(room.name, seq, at, user.nick, command.text, user.account)
    turn.house.hooks.ask(turn.house.hooks.before_change, user, room, event)
    turn.append(room, event)
    turn.set(room, "topic", command.text)
    turn.set(room, "topic_by", user.nick)
    turn.set(room, "topic_at", at)
    turn.answer(peer, command, Done(room.name, seq, id=command.id))


def role(turn: Turn, peer: Peer, command: SetRole) -> None:
    """Give a member a role: operators up to their own kind, owners any.

    Raises Forbidden, UserNotInRoom.
    """
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    no_direct(room)
    target = find_user(turn, command.nick)
    wanted = ROLES[command.role]
    mine = member_in(user, room)
    member = target.rooms.get(room)
    if member is None:
        raise UserNotInRoom(about=command.nick)
    resigns = target is user and wanted < mine.role
    if not resigns and (
        mine.role < Role.OPERATOR or wanted > mine.role or member.role > mine.role
    ):
        raise Forbidden(about=room.name)
    seq, at = turn.stamp(room)
    event = RoleSet(
        room.name, seq, at, user.nick, target.nick, command.role,
        ROLE_NAMES[member.role], user.account,
    )  # fmt: skip
    turn.house.hooks.ask(turn.house.hooks.before_change, user, room, event)
    if member.role is not wanted:
        turn.append(room, event)
        turn.set(member, "role", wanted)
    turn.answer(peer, command, Done(room.name, room.seq, id=command.id))


def policy(turn: Turn, peer: Peer, command: SetPolicy) -> None:
    """Change fields of the policy; what is as asked for already is not told again.

    Raises Forbidden.
    """
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    no_direct(room)
    require_role(user, room, Role.OPERATOR)
    changes = {
        name: value
        for name in PolicyChange.__struct_fields__
        if (value := getattr(command.policy, name)) is not UNSET
        and value != getattr(room.policy, name)
    }
    if room.policy.history == "none" and "history" in changes:
        raise Forbidden("a room that keeps no log can't begin to keep one", room.name)
    new = msgspec.structs.replace(room.policy, **changes)
    if changes:
        seq, at = turn.stamp(room)
        keyed = bool(new.key)
        visible = {**changes, "key": ""} if "key" in changes else changes
        event = PolicySet(
            room.name, seq, at, user.nick, PolicyChange(**visible), keyed, user.account
        )
        turn.house.hooks.ask(turn.house.hooks.before_change, user, room, event)
        turn.append(room, event)
        turn.set_room(room, "policy", new)
    turn.answer(peer, command, Done(room.name, room.seq, id=command.id))


def ban(turn: Turn, peer: Peer, command: Ban) -> None:
    """Set or lift a ban or an exception. Raises Forbidden, TooMany, BadName."""
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    no_direct(room)
    require_role(user, room, Role.OPERATOR)
    mask = complete_mask(command.mask)
    field = "exceptions" if command.exception else "bans"
    here: tuple[RoomBan, ...] = getattr(room, field)
    others = tuple(one for one in here if one.mask != mask)
    seq = room.seq
    if (len(others) < len(here)) == command.remove:
        count = len(room.bans) + len(room.exceptions)
        if not command.remove and count >= turn.house.limits.bans_per_room:
            raise TooMany("the room's list of bans is full", room.name)
        seq, at = turn.stamp(room)
        event = BanSet(
            room.name,
            seq,
            at,
            user.nick,
            mask,
            command.remove,
            command.exception,
            user.account,
        )
        turn.house.hooks.ask(turn.house.hooks.before_change, user, room, event)
        turn.append(room, event)
        added = () if command.remove else (RoomBan(mask, user.nick, at),)
        turn.set_room(room, field, (*others, *added))
    turn.answer(peer, command, Done(room.name, seq, id=command.id))
