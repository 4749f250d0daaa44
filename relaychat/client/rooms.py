"""A room as a client sees it: who is in it, its topic, how far it was read."""

from __future__ import annotations

from collections import deque
from itertools import islice

import msgspec
from msgspec import UNSET

from relaychat.client.cursor import Logged
from relaychat.model.commands import Cursor, Id
from relaychat.model.events import (
    Gap,
    Joined,
    Kicked,
    Left,
    LogEvent,
    MemberEntry,
    MemberList,
    PolicySet,
    Renamed,
    RoleSet,
    RoomShown,
    Said,
    TopicSet,
    Withheld,
)
from relaychat.model.names import fold
from relaychat.model.policy import Policy, RoleName

UNREAD_MOST = 1000
"""Unread messages that are counted; above it there are "at least" so many."""

MEMBERS_SHOWN = 250
"""Members that a local program is shown with a room: within a line of 64 KiB."""


class Room:
    """One room that we are in, kept up to date by the room's own log."""

    def __init__(self, shown: RoomShown) -> None:
        self.name = shown.room
        self.topic = ""
        self.policy = Policy()
        self.role: RoleName = "member"
        self.direct: str | None = None
        """The other one's nick, in a room of two."""
        self.members: dict[str, MemberEntry] = {}
        """By folded nick; of a large room those that the server named, until
        ``Client.members`` has asked for the others."""
        self.count = 0
        """How many members it has."""
        self._shown_seq = 0
        self.marked = 0
        """Up to here it was read, on any device."""
        self.cursor = Cursor(shown.epoch, shown.seq)
        """Up to here its events were given to this program."""
        self._unread: deque[int] = deque(maxlen=UNREAD_MOST)
        self.show(shown)

    def __repr__(self) -> str:
        return f"<Room {self.name} at {self.cursor.seq}, {self.unread} unread>"

    @property
    def unread(self) -> int:
        """Messages of others above the read marker, of those that this program was
        given."""
        return len(self._unread)

    def show(self, shown: RoomShown) -> None:
        """The room as the server shows it now."""
        self.name, self.topic, self.policy = shown.room, shown.topic, shown.policy
        self.role, self.direct = shown.role, shown.direct
        self._shown_seq = shown.seq
        if shown.members:
            self.members = {fold(one.nick): one for one in shown.members}
            self.count = shown.members_total
        self.mark(shown.marked)

    @property
    def whole(self) -> bool:
        """Whether ``members`` has all of them."""
        return len(self.members) >= self.count

    def add(self, page: MemberList, after: str) -> None:
        """A page of its members, as they are now: all between ``after`` and its last
        one, or its end."""
        first, last = fold(after), fold(page.members[-1].nick) if page.members else ""
        for nick in list(self.members):
            if first < nick and (nick <= last or not page.more):
                del self.members[nick]
        self.members |= {fold(one.nick): one for one in page.members}
        if not page.more:
            self.count = len(self.members)

    def shown(self, label: Id | None = None) -> RoomShown:
        """The room as a server would show it, as the answer to ``label``: of a large
        one a part of its members."""
        return RoomShown(
            self.name,
            self.cursor.epoch,
            self.cursor.seq,
            topic=self.topic,
            policy=self.policy,
            role=self.role,
            members=tuple(islice(self.members.values(), MEMBERS_SHOWN)),
            members_total=self.count,
            marked=self.marked,
            direct=self.direct,
            id=label,
        )

    def mark(self, seq: int) -> None:
        """The read marker moved. It never goes back."""
        self.marked = max(self.marked, seq)
        while self._unread and self._unread[0] <= self.marked:
            self._unread.popleft()

    def pass_over(self, event: Logged, nick: str) -> None:
        """This is the next of its log; we are ``nick``."""
        if isinstance(event, Gap):
            self.cursor = Cursor(event.epoch, event.last)
            return
        seq = event.last if isinstance(event, Withheld) else event.seq
        self.cursor = Cursor(self.cursor.epoch, seq)
        if isinstance(event, Said) and fold(event.sender) != fold(nick):
            if event.seq > self.marked:
                self._unread.append(event.seq)
        elif isinstance(event, LogEvent) and seq > self._shown_seq:
            # What came before is in what was shown.
            self._people(event)

    def _people(self, event: LogEvent) -> None:
        match event:
            case Joined(sender=sender, role=role, account=account):
                self.members[fold(sender)] = MemberEntry(sender, role, account)
                self.count += 1
            case Left(sender=nick) | Kicked(nick=nick):
                self.members.pop(fold(nick), None)
                self.count -= 1
            case Renamed(sender=sender, nick=nick):
                one = self.members.pop(fold(sender), MemberEntry(nick))
                self.members[fold(nick)] = msgspec.structs.replace(one, nick=nick)
            case RoleSet(nick=nick, role=role):
                one = self.members.get(fold(nick), MemberEntry(nick))
                self.members[fold(nick)] = msgspec.structs.replace(one, role=role)
            case TopicSet(text=text):
                self.topic = text
            case PolicySet(policy=policy):
                change = msgspec.structs.asdict(policy)
                change = {name: to for name, to in change.items() if to is not UNSET}
                self.policy = msgspec.structs.replace(self.policy, **change)
