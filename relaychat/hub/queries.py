"""Questions about what is: rooms, members, people, the log, the server.

They are answered inside the turn, so that they see what was decided before them, and
are told only with it. What the memory does not hold of a log is read after the turn.
"""

from __future__ import annotations

from heapq import nlargest, nsmallest
from itertools import islice
from operator import attrgetter, itemgetter

from msgspec.structs import replace

from relaychat.hub.facts import Drained, ReadOn, Ready, Retry, Survey, Surveyed
from relaychat.hub.lookup import find_room, find_user, member_in, user_of
from relaychat.hub.pages import by_time, kept_sizes, page_of, span_of
from relaychat.hub.peer import Peer
from relaychat.hub.people import SOFTWARE, resume_at
from relaychat.hub.shown import member_entry, shown
from relaychat.hub.state import Room, User
from relaychat.hub.turn import Turn
from relaychat.model.admission import Reflect
from relaychat.model.commands import (
    History,
    ListMembers,
    ListRooms,
    ListSessions,
    Ping,
    Pong,
    Resume,
    Show,
    Status,
    Stop,
    Who,
)
from relaychat.model.errors import Forbidden, NoSuchRoom
from relaychat.model.events import (
    Done,
    MemberList,
    Ponged,
    RoomEntry,
    RoomList,
    SessionEntry,
    SessionList,
    StatusReport,
    WhoIs,
)
from relaychat.model.names import fold
from relaychat.model.paging import fitting

ENTRIES_A_PAGE = 1_000
"""Of lists, at most: fewer if that would be too long for a line (H22)."""
ROOMS_SHOWN = 300
"""Rooms that are told of somebody: within a line with the longest names."""


def list_rooms(turn: Turn, peer: Peer, command: ListRooms) -> None:
    """Rooms that are open, or that they are in; control sessions see all."""
    user = None if peer.control else user_of(peer)
    after = fold(command.after) if command.after else ""
    names = nsmallest(
        ENTRIES_A_PAGE + 1,
        (
            name
            for name, room in turn.state.rooms.items()
            if name > after and _listed(room, user, peer)
        ),
    )
    rooms = [turn.state.rooms[name] for name in names[:ENTRIES_A_PAGE]]
    entries = fitting(
        RoomEntry(
            room.name,
            len(room.members),
            room.topic,
            user is not None and room in user.rooms,
            room.seq,
        )
        for room in rooms
    )
    more = len(names) > len(entries)
    turn.answer(peer, command, RoomList(entries, more, id=command.id))


def _listed(room: Room, user: User | None, peer: Peer) -> bool:
    if not peer.sees(room):
        return False
    if peer.control or (user is not None and room in user.rooms):
        return True
    return room.kind != "direct" and not room.policy.secret


def surveyed(turn: Turn, fact: Surveyed) -> None:
    """The rooms that anybody may enter: nothing of the others is told outside."""
    public = [room for room in turn.state.rooms.values() if _public(room)]
    fullest = nlargest(fact.most, public, key=lambda room: len(room.members))
    named = tuple((room.name, len(room.members)) for room in fullest)
    turn.after.append(lambda hub: fact.told(Survey(named, len(public))))


def _public(room: Room) -> bool:
    policy = room.policy
    closed = policy.secret or policy.key or policy.invite_only
    return room.kind != "direct" and not closed


def list_members(turn: Turn, peer: Peer, command: ListMembers) -> None:
    """Who is in a room. Raises NoSuchRoom, also for a secret one they are not in."""
    user = None if peer.control else user_of(peer)
    room = find_room(turn, user, command.room)
    after = fold(command.after) if command.after else ""
    members = ((fold(one.user.nick), one) for one in room.members.values())
    rest = nsmallest(
        ENTRIES_A_PAGE + 1,
        (pair for pair in members if pair[0] > after),
        key=itemgetter(0),
    )
    entries = fitting(member_entry(one) for _, one in rest[:ENTRIES_A_PAGE])
    more = len(rest) > len(entries)
    turn.answer(peer, command, MemberList(room.name, entries, more, id=command.id))


def show(turn: Turn, peer: Peer, command: Show) -> None:
    """A room as it is. Raises NoSuchRoom, also for a secret one they are not in."""
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    turn.answer(peer, command, shown(turn, room, user, peer, command))


def who(turn: Turn, peer: Peer, command: Who) -> None:
    """What may be known of somebody. Raises NoSuchUser."""
    me = user_of(peer)
    user = find_user(turn, command.nick)
    known = (room.name for room in user.rooms if _listed(room, me, peer))
    rooms = tuple(islice(known, ROOMS_SHOWN))
    spoke_us = max((one.spoke_us for one in user.peers), default=0)
    idle_us = turn.house.world.monotonic_us() - spoke_us if user.peers else 0
    found = WhoIs(
        user.nick, user.account, user.online, user.away, idle_us // 1_000_000, rooms
    )
    turn.answer(peer, command, replace(found, id=command.id))


def history(turn: Turn, peer: Peer, command: History) -> None:
    """A page of a log. Raises NotInRoom for who is no member (H11), NoSuchRoom."""
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    member = member_in(user, room)
    span = span_of(command, 0, room.seq + 1)
    here = room not in turn.kept and room.tail.covers(span.after, room.seq)
    if here and not by_time(command):
        sized = kept_sizes(room.tail.after(span.after))
        limit = turn.house.limits.page_bytes
        turn.answer(peer, command, page_of(member, command, span, sized, limit))
    else:
        end = room.seq + 1
        turn.after.append(lambda hub: hub.read(peer, command, member, end))


def resume(turn: Turn, peer: Peer, command: Resume) -> None:
    """Start over from these cursors. Raises NoSuchRoom for a room they are not in."""
    user = user_of(peer)
    names = {room.name for room in user.rooms}
    for name in command.rooms:
        if name not in names:
            raise NoSuchRoom(about=name)
    resume_at(turn, peer, user, command)


def ping(turn: Turn, peer: Peer, command: Ping) -> None:
    """An answer behind all answers before it."""
    turn.answer(peer, command, Ponged(command.token, id=command.id))


def pong(turn: Turn, peer: Peer, command: Pong) -> None:
    """A sign of life needs no answer."""


def _only_control(peer: Peer) -> None:
    if not peer.control:
        raise Forbidden("only on the control socket")


def _only_administrators(peer: Peer) -> None:
    if not (peer.control or peer.administrator):
        raise Forbidden("only for administrators")


def status(turn: Turn, peer: Peer, command: Status) -> None:
    """Counts of the server. Raises Forbidden for others than administrators."""
    _only_administrators(peer)
    state, counts = turn.state, turn.house.counts
    now_us = turn.house.world.monotonic_us()
    turn.answer(
        peer, command,
        StatusReport(
            turn.house.server, SOFTWARE, (now_us - counts.started_us) // 1_000_000,
            len(state.peers), len(state.users), len(state.rooms), counts.turns,
            counts.events, counts.commands, counts.healthy,
            turn.house.factories(), id=command.id,
        ),
    )  # fmt: skip


def list_sessions(turn: Turn, peer: Peer, command: ListSessions) -> None:
    """Sessions, oldest first. Raises Forbidden for others than administrators."""
    _only_administrators(peer)
    now_us = turn.house.world.monotonic_us()
    rest = (one for one in turn.state.peers if one.number > command.after)
    found = nsmallest(ENTRIES_A_PAGE + 1, rest, key=attrgetter("number"))
    entries = fitting(
        SessionEntry(
            one.number,
            one.user.nick if one.user else "",
            one.dialect,
            one.address,
            one.user.account if one.user else None,
            len(one.user.rooms) if one.user else 0,
            one.behind is not None,
            (now_us - one.since_us) // 1_000_000,
        )
        for one in found[:ENTRIES_A_PAGE]
    )
    more = len(found) > len(entries)
    turn.answer(peer, command, SessionList(entries, more, id=command.id))


def stop(turn: Turn, peer: Peer, command: Stop) -> None:
    """Stop the server, once this was answered. Raises Forbidden."""
    _only_control(peer)
    turn.answer(peer, command, Done(id=command.id))
    turn.after.append(lambda hub: hub.ask_to_stop())


def reflect(turn: Turn, peer: Peer, command: Reflect) -> None:
    """An answer that the session made itself, in its place among the others."""
    turn.answer(peer, command, command.answer)


# -- facts --------------------------------------------------------------------


def ready(turn: Turn, fact: Ready) -> None:
    """The log has been read for a query of an earlier turn."""
    if not fact.peer.gone:
        turn.answer(fact.peer, fact.command, fact.result)


def drained(turn: Turn, fact: Drained) -> None:
    """A reader that was behind can take more."""
    turn.set(fact.peer, "full", False)
    turn.after.append(lambda hub: hub.catch_up(fact.peer))


def read_on(turn: Turn, fact: ReadOn) -> None:
    """The store has read for a reader that is behind."""
    turn.after.append(lambda hub: hub.give(fact.peer, fact.entries))


def retry(turn: Turn, fact: Retry) -> None:
    """Nothing but a reason for a turn."""
