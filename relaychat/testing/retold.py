"""A room's state, retold from its log alone: who was in it when, and how it was run.

It has to be what the store keeps beside the log, for that is what the hub begins with
after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
from msgspec import Struct

from relaychat.model.events import (
    BanSet,
    Joined,
    Kicked,
    Left,
    LogEvent,
    PolicySet,
    Renamed,
    RoleSet,
    TopicSet,
)
from relaychat.model.names import fold
from relaychat.model.policy import Policy, RoleName

END = 2**53
"""Beyond every seq."""

Span = list[int]
"""First and last seq, both inclusive."""


class Standing(NamedTuple):
    """How a member stands: role, and seq of the join."""

    role: str
    joined: int


class Kept(Struct):
    """A room's state as the store keeps it; members by folded nick."""

    topic: str = ""
    policy: Policy = Policy()
    bans: set[str] = set()
    exceptions: set[str] = set()
    members: dict[str, Standing] = {}


class Retold:
    """The state that a log comes to, entry by entry."""

    def __init__(self) -> None:
        self.state = Kept()
        """The key of its policy is only whether there is one."""
        self.stays: dict[str, list[Span]] = {}
        """By ``account:name`` and ``nick:name``."""
        self.open_history: list[Span] = [[1, END]]
        """Where the members may read all of the log."""
        self.wrong: list[str] = []
        """Entries that can't be: who was not in can't go."""
        self._present: dict[str, Span] = {}

    def follow(self, event: LogEvent) -> None:
        """The next entry."""
        state, nick = self.state, fold(event.sender)
        match event:
            case Joined():
                self._joins(event, nick)
            case Left():
                self._leaves(nick, event.seq)
            case Kicked():
                self._leaves(fold(event.nick), event.seq)
            case Renamed() if nick in self._present:
                self._renamed(nick, fold(event.nick))
            case RoleSet():
                self._role(fold(event.nick), event.role)
            case TopicSet():
                state.topic = event.text
            case BanSet():
                masks = state.exceptions if event.exception else state.bans
                (masks.discard if event.removed else masks.add)(event.mask)
            case PolicySet():
                self._policy(event)

    def _joins(self, event: Joined, nick: str) -> None:
        if nick in self._present:
            self.wrong.append(f"{nick} comes in at {event.seq} and was in")
        stay = self._present[nick] = [event.seq, END]
        self.state.members[nick] = Standing(event.role, event.seq)
        self._name(stay, f"nick:{nick}")
        if event.account:
            self._name(stay, f"account:{fold(event.account)}")

    def _leaves(self, nick: str, seq: int) -> None:
        stay = self._present.pop(nick, None)
        self.state.members.pop(nick, None)
        if stay is None:
            self.wrong.append(f"{nick} goes at {seq} and was not in")
        else:
            stay[1] = seq

    def _renamed(self, old: str, new: str) -> None:
        stay = self._present[new] = self._present.pop(old)
        self.state.members[new] = self.state.members.pop(old)
        self._name(stay, f"nick:{new}")

    def _name(self, stay: Span, name: str) -> None:
        stays = self.stays.setdefault(name, [])
        if stay not in stays:
            stays.append(stay)

    def _role(self, nick: str, role: RoleName) -> None:
        if nick in self.state.members:
            self.state.members[nick] = Standing(role, self.state.members[nick].joined)

    def _policy(self, event: PolicySet) -> None:
        changed = {
            field: value
            for field in event.policy.__struct_fields__
            if (value := getattr(event.policy, field)) is not msgspec.UNSET
        }
        changed["key"] = "x" * event.keyed
        self.state.policy = msgspec.structs.replace(self.state.policy, **changed)
        open_now = self.state.policy.rule() == "all"
        last = self.open_history[-1] if self.open_history else [0, 0]
        if last[1] == END and not open_now:
            last[1] = event.seq
        elif last[1] != END and open_now:
            self.open_history.append([event.seq, END])

    def against(self, kept: Kept) -> Iterator[str]:
        """Where the store keeps something else."""
        policy = msgspec.structs.replace(kept.policy, key="x" * bool(kept.policy.key))
        kept = msgspec.structs.replace(kept, policy=policy)
        for field in kept.__struct_fields__:
            told, there = getattr(self.state, field), getattr(kept, field)
            if told != there:
                yield f"its {field}: {told} by the log, {there} beside it"

    # -- who may read ------------------------------------------------------------------

    def stays_of(self, names: Iterable[str]) -> list[Span]:
        """The stays of whoever has one of these names, in order."""
        found = [stay for name in names for stay in self.stays.get(name, ())]
        return sorted(found)

    def open_until(self, stays: list[Span]) -> int:
        """The last seq at which somebody with these stays could read all."""
        return max(
            (
                min(last, until)
                for first, last in stays
                for since, until in self.open_history
                if since <= last and first <= until
            ),
            default=0,
        )
