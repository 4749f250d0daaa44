"""An account is deleted: its rooms pass on, and its text leaves the log, if that was
asked for.

The first is one turn. The second walks through all logs, sealed ones included, a page
at a time: read, then blanked in a turn of its own. While it is under way there is a
record ``erase``; after a restart it begins anew.
"""

from __future__ import annotations

import msgspec

from relaychat.hub.facts import Blanking, Erased
from relaychat.hub.lookup import ROLE_NAMES
from relaychat.hub.nicks import forget_absent
from relaychat.hub.people import leave_direct, quit_rooms
from relaychat.hub.state import Member, Room, State, User
from relaychat.hub.tail import blanked, decode_event
from relaychat.hub.turn import Turn, encode
from relaychat.model.errors import Unavailable
from relaychat.model.events import Custom, Edited, RoleSet, Said
from relaychat.model.names import fold
from relaychat.model.policy import Role
from relaychat.store.api import Entry, Record

GONE = "the account was deleted"


def erased(turn: Turn, fact: Erased) -> None:
    """Its rooms pass on, its memberships are forgotten."""
    key = fold(fact.account)
    user = turn.state.users.get(key) or User(key, fact.account, fact.account)
    rooms = list(turn.state.rooms.values())
    for room in rooms:
        if room.owner and fold(room.owner) == key:
            _pass_on(turn, room, user)
    leaving = [room for room in user.rooms if room.kind != "direct"]
    if leaving:
        quit_rooms(turn, user, leaving, "quit", GONE)
    for room in list(user.rooms):
        leave_direct(turn, room, user)
    for room in rooms:
        _forget(turn, room, key)
    forget_absent(turn, user)
    turn.drop(turn.state.owned, fact.account)
    if fact.blank:
        turn.after.append(lambda hub: hub.walk(Walk(fact.account, turn.state)))
    else:
        _done(turn, key)


def _pass_on(turn: Turn, room: Room, user: User) -> None:
    """Another owner for a room: who has most to say there, and of those who came first.
    Accounts before guests, who can't own it; without anybody it closes."""
    others = [one for one in room.members.values() if one.user is not user]
    heir = min(others, key=_rank, default=None)
    if heir is None:
        turn.set(room, "owner", "")
        if user not in room.members:
            turn.seal(room)
        else:
            turn.set_room(room, "kind", "passing")
        return
    account = heir.user.account
    if account is None:
        turn.set_room(room, "kind", "passing")
    else:
        owned = turn.state.owned
        turn.put(owned, account, owned.get(account, 0) + 1)
    turn.set(room, "owner", account or "")
    if heir.role is not Role.OWNER:
        seq, at = turn.stamp(room)
        was = ROLE_NAMES[heir.role]
        nick, name = heir.user.nick, user.account
        event = RoleSet(room.name, seq, at, user.nick, nick, "owner", was, name)
        turn.append(room, event)
        turn.set(heir, "role", Role.OWNER)


def _rank(member: Member) -> tuple[bool, int, int]:
    return member.user.account is None, -member.role, member.joined


def _forget(turn: Turn, room: Room, key: str) -> None:
    turn.drop(room.invited, key)
    former = room.former.get(key)
    if former is not None:
        turn.drop(room.former, key)
        turn.touch(former)


def _done(turn: Turn, key: str) -> None:
    """Nothing is left to do for this account. Raises Unavailable."""
    if turn.refusing:
        raise Unavailable
    turn.records["erase", key] = Record("erase", key, None)


# -- its text ------------------------------------------------------------------


class Walk:
    """Through all logs, for one account: where it stands."""

    def __init__(self, account: str, state: State) -> None:
        self.account = account
        self.room = 1
        self.seq = 0
        self._last_room = state.last_room
        self._open = {room.number: room for room in state.rooms.values()}
        self._trace = b'"account":' + msgspec.json.encode(account)

    @property
    def done(self) -> bool:
        """Whether it has been everywhere."""
        return self.room > self._last_room

    def here(self) -> Room | int:
        """The room that it is in, or the number of one that was closed before."""
        return self._open.get(self.room, self.room)

    def go_on(self, entries: list[Entry]) -> None:
        """These were looked at; without any, the room is at its end."""
        if entries:
            self.seq = entries[-1].seq
        else:
            self.room, self.seq = self.room + 1, 0

    def theirs(self, bodies: list[bytes]) -> list[Said | Edited | Custom]:
        """What the account has written, of these."""
        events = [decode_event(body) for body in bodies if self._trace in body]
        return [
            event
            for event in events
            if isinstance(event, Said | Edited | Custom)
            if event.account == self.account and not event.redacted
        ]


def blanking(turn: Turn, fact: Blanking) -> None:
    """A page of a log without the text of an account; at the end of a room that keeps
    no log any more, what the memory holds of it."""
    walk = fact.walk
    if walk.done:
        _done(turn, fold(walk.account))
        return
    here = walk.here()
    bodies = [entry.body for entry in fact.entries]
    if not bodies and isinstance(here, Room) and not here.logged:
        bodies = [kept.body for kept in here.tail.entries]
    for event in walk.theirs(bodies):
        turn.blank(here, blanked(event), encode(event))
    turn.after.append(lambda hub: hub.walk(walk, fact.entries))
