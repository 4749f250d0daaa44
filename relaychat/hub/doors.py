"""Coming into rooms and leaving them: join, part, kick, invite, and who
follows live."""

from __future__ import annotations

from hmac import compare_digest

from msgspec.structs import replace

from relaychat.hub.lookup import (
    ROLE_NAMES,
    banned,
    check_bytes,
    find_room,
    find_user,
    member_in,
    no_direct,
    require_role,
    user_of,
)
from relaychat.hub.nicks import forget_absent
from relaychat.hub.peer import Peer
from relaychat.hub.shown import shown, shown_again
from relaychat.hub.state import Member, Room, User
from relaychat.hub.turn import Turn
from relaychat.model.commands import Invite, Join, Kick, Part
from relaychat.model.errors import (
    AlreadyInRoom,
    BadKey,
    Banned,
    Forbidden,
    InviteOnly,
    RoomFull,
    TooMany,
    UserNotInRoom,
)
from relaychat.model.events import (
    Done,
    Invitation,
    Invited,
    Joined,
    Kicked,
    Left,
    LogEvent,
    Withheld,
)
from relaychat.model.names import check_room
from relaychat.model.policy import Role

# -- who follows a room live --------------------------------------------------


def follow(turn: Turn, peer: Peer, room: Room) -> None:
    """This session is shown the room from the next event on: live, or when it has
    caught up (H18)."""
    if not peer.sees(room):
        return
    if peer.behind is not None:
        turn.put(peer.behind, room, room.seq)
        return
    readers = room.readers.get(peer.form)
    if readers is None:
        readers = {}
        turn.put(room.readers, peer.form, readers)
    turn.put(readers, peer, peer.send)
    turn.enters(peer, room)


def unfollow(turn: Turn, peer: Peer, room: Room, last: LogEvent | None = None) -> None:
    """This session is shown nothing further of the room, but ``last``, which was just
    appended."""
    if not peer.sees(room):
        return
    if peer.behind is not None:
        if last is not None:
            _tell_last(turn, peer, last, peer.behind[room])
        turn.drop(peer.behind, room)
        return
    stop_reading(turn, peer, room)


def stop_reading(turn: Turn, peer: Peer, room: Room) -> None:
    """Take a session from the live readers, if it is one of them. A form goes with its
    last reader: some have no other."""
    readers = room.readers.get(peer.form, {})
    if peer in readers:
        turn.drop(readers, peer)
        if not readers:
            turn.drop(room.readers, peer.form)
        turn.leaves(peer, room)


def _tell_last(turn: Turn, peer: Peer, last: LogEvent, seq: int) -> None:
    """The last event for a session that was behind: what it lacks it may not read any
    more (H11, H17)."""
    if last.seq > seq + 1:
        turn.tell(peer, Withheld(last.room, seq + 1, last.seq - 1))
    turn.tell(peer, last)


# -- in -----------------------------------------------------------------------


def join(turn: Turn, peer: Peer, command: Join) -> None:
    """Become a member, with all sessions; being one already only shows the room again.

    Raises BadName, Banned, InviteOnly, BadKey, RoomFull, TooMany, Denied.
    """
    user = user_of(peer)
    folded = check_room(command.room)
    room = turn.state.rooms.get(folded)
    if room is not None and room in user.rooms:
        turn.answer(peer, command, shown_again(room, user, command))
        return
    limits = turn.house.limits
    joined = sum(one.kind != "direct" for one in user.rooms)
    if joined >= limits.rooms_per_user:
        raise TooMany(f"one can be in {limits.rooms_per_user} rooms", command.room)
    if room is not None:
        _let_in(turn, room, user, command)
        role = Role.OWNER if room.owner and room.owner == user.account else Role.MEMBER
    else:
        if len(turn.state.rooms) >= limits.rooms:
            raise TooMany("the relay has no place for another room", command.room)
        if user.account and not _may_own(turn, user):
            owned = limits.rooms_owned
            raise TooMany(f"an account can own {owned} rooms", command.room)
        room, role = _new_room(turn, command.room, folded, user), Role.OWNER
    seq, at = turn.stamp(room)
    event = Joined(room.name, seq, at, user.nick, user.account, ROLE_NAMES[role])
    turn.house.hooks.ask(turn.house.hooks.before_join, user, room, event)
    _add_member(turn, room, user, role, seq)
    for session in user.peers:
        follow(turn, session, room)
    turn.append(room, event)
    if room.kind == "passing" and _may_own(turn, user):
        _own(turn, room, user)
    for session in user.peers:
        if not session.sees(room):
            continue
        if session.behind is not None:
            turn.put(session.behind, room, seq)
            turn.tell(session, event)
        if session is not peer:
            turn.tell(session, replace(shown(turn, room, user, session), entered=True))
    turn.answer(peer, command, shown(turn, room, user, peer, command))


def _may_own(turn: Turn, user: User) -> bool:
    """Whether a room without an owner becomes theirs (H10)."""
    if user.account is None:
        return False
    return turn.state.owned.get(user.account, 0) < turn.house.limits.rooms_owned


def _own(turn: Turn, room: Room, user: User) -> None:
    owned = turn.state.owned
    turn.put(owned, user.account, owned.get(user.account or "", 0) + 1)
    turn.set(room, "owner", user.account)
    turn.set_room(room, "kind", "kept")


def _let_in(turn: Turn, room: Room, user: User, command: Join) -> None:
    """The room's policy about who comes in; an invitation opens all but a ban."""
    if room.owner and room.owner == user.account:
        return
    if banned(room, user):
        raise Banned(about=room.name)
    if user.key in room.invited:
        turn.drop(room.invited, user.key)
        return
    policy = room.policy
    if policy.invite_only:
        raise InviteOnly(about=room.name)
    if policy.key and not compare_digest(command.key.encode(), policy.key.encode()):
        raise BadKey(about=room.name)
    if policy.limit and len(room.members) >= policy.limit:
        raise RoomFull(about=room.name)


def _new_room(turn: Turn, name: str, folded: str, user: User) -> Room:
    state = turn.state
    turn.set(state, "last_room", state.last_room + 1)
    epoch = turn.house.world.token_bytes(8).hex()
    room = Room(state.last_room, name, epoch, "passing")
    room.created = turn.at
    turn.put(state.rooms, folded, room)
    turn.touch(room)
    if user.account:
        _own(turn, room, user)
    return room


def _add_member(turn: Turn, room: Room, user: User, role: Role, seq: int) -> None:
    former = room.former.get(user.key)
    member = Member(room, user, role, seq)
    if former is not None:
        member.past, member.marked = former.past, former.marked
        turn.drop(room.former, user.key)
    turn.put(room.members, user, member)
    turn.put(user.rooms, room, member)
    turn.touch(member)
    turn.touch(user)
    for session in user.peers:
        # By its device a guest is known again after a restart.
        if session.device is not None and not session.device.stored:
            turn.set(session.device, "stored", True)


# -- out ----------------------------------------------------------------------


def remove_member(turn: Turn, room: Room, user: User, event: LogEvent) -> None:
    """End a membership with this event, which was just appended (H11: it is the last
    entry of the stay). A passing room closes with its last member (H10)."""
    member = user.rooms[room]
    turn.drop(room.members, user)
    turn.drop(user.rooms, room)
    turn.touch(member)
    turn.touch(user)
    if user.account:
        former = Member(room, user, Role.MEMBER, 2**62)
        past = (*member.past, (member.joined, event.seq))
        former.past = past[-turn.house.limits.past_stays :]
        former.marked, former.present = member.marked, False
        turn.put(room.former, user.key, former)
        turn.touch(former)
    for session in user.peers:
        unfollow(turn, session, room, event)
    if not room.members and room.kind == "passing":
        turn.seal(room)
    forget_absent(turn, user)


def part(turn: Turn, peer: Peer, command: Part) -> None:
    """Leave a room, with all sessions. Raises NoSuchRoom, NotInRoom, Forbidden."""
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    no_direct(room)
    member_in(user, room)
    check_bytes(command.reason, turn.house.limits.reason_bytes, "reason")
    seq, at = turn.stamp(room)
    event = Left(room.name, seq, at, user.nick, command.reason, account=user.account)
    turn.append(room, event)
    remove_member(turn, room, user, event)
    turn.answer(peer, command, Done(room.name, seq, id=command.id))


def kick(turn: Turn, peer: Peer, command: Kick) -> None:
    """Put a member out. Raises Forbidden, UserNotInRoom and those of part."""
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    no_direct(room)
    mine = require_role(user, room, Role.OPERATOR)
    target = find_user(turn, command.nick)
    member = target.rooms.get(room)
    if member is None:
        raise UserNotInRoom(about=command.nick)
    if member.role > mine.role:
        raise Forbidden("their role is above yours", command.nick)
    check_bytes(command.reason, turn.house.limits.reason_bytes, "reason")
    seq, at = turn.stamp(room)
    event = Kicked(
        room.name, seq, at, user.nick, target.nick, command.reason, user.account
    )
    turn.house.hooks.ask(turn.house.hooks.before_change, user, room, event)
    turn.append(room, event)
    remove_member(turn, room, target, event)
    turn.answer(peer, command, Done(room.name, seq, id=command.id))


def invite(turn: Turn, peer: Peer, command: Invite) -> None:
    """Open the door for somebody, once. Raises Forbidden, AlreadyInRoom, NoSuchUser."""
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    no_direct(room)
    member = member_in(user, room)
    if room.policy.invite_only and member.role < Role.OPERATOR:
        raise Forbidden("you need to be operator for this", room.name)
    target = find_user(turn, command.nick)
    if room in target.rooms:
        raise AlreadyInRoom(about=command.nick)
    seq, at = turn.stamp(room)
    event = Invited(room.name, seq, at, user.nick, target.nick, user.account)
    turn.house.hooks.ask(turn.house.hooks.before_change, user, room, event)
    turn.append(room, event)
    turn.drop(room.invited, target.key)
    turn.put(room.invited, target.key, None)
    if len(room.invited) > turn.house.limits.invites_per_room:
        turn.drop(room.invited, next(iter(room.invited)))
    for session in target.peers:
        if session.sees(room):
            turn.tell(session, Invitation(room.name, user.nick, user.account))
    turn.answer(peer, command, Done(room.name, seq, id=command.id))
