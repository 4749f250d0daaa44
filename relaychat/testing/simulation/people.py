"""Who takes part: accounts with several devices, guests, natives and IRC clients."""

from __future__ import annotations

from typing import NamedTuple

from relaychat.testing.simulation.irc import Irc
from relaychat.testing.simulation.native import Native
from relaychat.testing.simulation.stage import Stage


class Part(NamedTuple):
    """One client: its user's nick, whether that is an account, and how it speaks."""

    nick: str
    account: bool
    dialect: str


CAST = [
    Part("ann", True, "native"),
    Part("hal", False, "irc"),
    Part("ann", True, "native"),
    Part("bob", True, "native"),
    Part("dan", True, "irc"),
    Part("gus", False, "native"),
    Part("cat", True, "native"),
    Part("ivy", False, "irc"),
    Part("bob", True, "irc"),
    Part("gil", False, "native"),
    Part("bob", True, "native"),
    Part("dan", True, "irc"),
]
"""The first dozen; after them it goes on with others of the same kinds."""


def people(stage: Stage, count: int) -> list[Native | Irc]:
    """So many clients, in front of the relay's doors in turn."""
    return [_person(stage, index) for index in range(count)]


def _person(stage: Stage, index: int) -> Native | Irc:
    round_, place = divmod(index, len(CAST))
    part = CAST[place]
    nick = f"{part.nick}{round_}" if round_ else part.nick
    kind = Native if part.dialect == "native" else Irc
    doors = [one.place for one in stage.server.entrances if one.dialect == part.dialect]
    name = f"{nick}-{part.dialect}-{index}"
    password = f"secret of {nick}" if part.account else None
    return kind(stage, name, nick, password, doors[index % len(doors)])
