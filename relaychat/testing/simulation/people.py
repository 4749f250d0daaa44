"""Who takes part: accounts with several devices, guests, natives and IRC clients."""

from __future__ import annotations

from typing import NamedTuple

from relaychat.app.extensions import CannotBuild
from relaychat.session.control import Control
from relaychat.session.irc.dialect import Irc as IrcDialect
from relaychat.session.native import Native as NativeDialect
from relaychat.testing.simulation.irc import Irc
from relaychat.testing.simulation.native import Native
from relaychat.testing.simulation.server import Entrance
from relaychat.testing.simulation.stage import Stage
from relaychat.testing.simulation.stranger import Stranger


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


Person = Native | Irc | Stranger


def people(stage: Stage, count: int) -> list[Person]:
    """So many clients, in front of the relay's doors in turn; the last ones speak the
    dialects that are the user's own, one for each such door.

    Raises CannotBuild for a relay that nobody can come in to.
    """
    doors: dict[str, list[str]] = {"native": [], "irc": []}
    others: list[Entrance] = []
    for entrance in stage.server.entrances:
        if issubclass(entrance.dialect, Control):
            continue
        if issubclass(entrance.dialect, NativeDialect):
            doors["native"].append(entrance.place)
        elif issubclass(entrance.dialect, IrcDialect):
            doors["irc"].append(entrance.place)
        else:
            others.append(entrance)
    if not any(doors.values()):
        raise CannotBuild("listen: nobody can come in natively or by IRC")
    strangers = [_stranger(stage, index, one) for index, one in enumerate(others)]
    known = max(0, count - len(strangers))
    return [*[_person(stage, index, doors) for index in range(known)], *strangers]


def _person(stage: Stage, index: int, doors: dict[str, list[str]]) -> Person:
    round_, place = divmod(index, len(CAST))
    part = CAST[place]
    nick = f"{part.nick}{round_}" if round_ else part.nick
    dialect = part.dialect if doors[part.dialect] else next(filter(doors.get, doors))
    kind = Native if dialect == "native" else Irc
    rules = stage.config.accounts
    account = part.account or not rules.guests or bool(rules.guest_password)
    name = f"{nick}-{dialect}-{index}"
    password = f"secret of {nick}" if account else None
    places = doors[dialect]
    return kind(stage, name, nick, password, places[index % len(places)])


def _stranger(stage: Stage, index: int, entrance: Entrance) -> Stranger:
    dialect = entrance.dialect
    name = f"{dialect.name}-{index}"
    return Stranger(stage, name, f"zed{index}", entrance.place, dialect)
