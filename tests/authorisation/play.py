"""Random people on random wires, and the model beside them.

Each step somebody does something. The relay's answer has to be one that the model
allows; every byte that anybody is sent is searched for texts, and each text has to be
one that they may read at that moment; who has to be told a message is told it; and what
pages, resumes and lists show is exactly what the model says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from relaychat.session.irc.dialect import Irc
from relaychat.session.native import Native
from relaychat.session.session import Session
from relaychat.testing.link import MemoryLink
from tests.authorisation.model import Person
from tests.authorisation.reading import Reading
from tests.authorisation.stage import Difference, Seat

STEPS = 500
"""Of one run: long enough for stays, short enough for a log to be one page."""

NATIVE: dict[str, int] = {
    "join": 14, "part": 4, "send": 16, "custom": 4, "whisper": 4, "topic": 3, "role": 6,
    "policy": 10, "invite": 5, "kick": 4, "ban": 5, "edit": 4, "redact": 3,
    "history": 10, "resume": 8, "show": 4, "members": 4, "list_rooms": 3, "who": 4,
}  # fmt: skip
IRC: dict[str, int] = {"join": 6, "part": 2, "send": 8, "whisper": 1, "topic": 2,
                       "names": 3}  # fmt: skip


class Play(Reading):
    """One run."""

    def run(self, steps: int) -> None:
        """So many. Raises Difference."""
        for _ in range(steps):
            try:
                self.step()
            except Difference as error:
                trail = "\n".join(self.trail[-12:])
                raise Difference(f"{error}\n{trail}") from None
        if self.relay.bugs or self.relay.doubts:
            raise Difference("\n".join(self.relay.bugs + self.relay.doubts))

    def step(self) -> None:
        """Somebody does something."""
        chance = self.chance
        if len(self.seats) < 5 or (len(self.seats) < 12 and chance.random() < 0.06):
            self.come()
        elif chance.random() < 0.04:
            self.go(chance.choice(self.seats))
        else:
            seat = chance.choice(self.seats)
            deeds = NATIVE if seat.native else IRC
            names, weights = zip(*deeds.items(), strict=True)
            getattr(self, chance.choices(names, weights)[0])(seat)
        self.drain()

    def come(self) -> None:
        """A new session: of an account, by its password or by a token, or of a new
        guest."""
        chance = self.chance
        guest = chance.random() < 0.3
        person = self.new_guest() if guest else chance.choice(self.people[:4])
        seat = self.open(person, Irc if chance.random() < 0.35 else Native)
        secret = "pw"
        if not guest and chance.random() < 0.2:
            seat.level = chance.choice(["read", "send", "admin"])
            seat.rooms = chance.choice([(), ("#a",), ("#b", "#c")])
            secret = self.token(person, seat.level, seat.rooms)
        self.note(f"{person.nick} comes, {seat.session.dialect} {seat.level}"
                  f" {seat.rooms}")  # fmt: skip
        if seat.native:
            word = {"type": "hello", "nick": person.nick}
            words = self.ask(seat, **word, **({} if guest else {"password": secret}))
            told = {one["room"] for one in words if one["type"] == "room"}
            own = {name for name, one in self.model.rooms.items()
                   if person in one.roles and seat.sees(one)}  # fmt: skip
            self.same("rooms at hello", told, own)
        else:
            lines = "" if guest else f"PASS {secret}\r\n"
            self.say(seat, f"{lines}NICK {person.nick}\r\nUSER x 0 * :x")
        if not seat.session.ready:
            raise Difference(f"{person.nick} was not let in")

    def new_guest(self) -> Person:
        """Somebody whom nobody knows."""
        person = Person(f"g{self.chance.randrange(10**6)}", None)
        self.people.append(person)
        return person

    def open(self, person: Person, dialect: Any) -> Seat:
        """A connection."""
        wire = MemoryLink(uid=None)
        session = Session(self.relay.host(dialect), wire)
        wire.on_drained = session.drained
        session.open()
        self.relay.run()
        seat = Seat(person, session, wire)
        self.seats.append(seat)
        return seat

    def token(self, person: Person, level: str, rooms: tuple[str, ...]) -> str:
        """A token of somebody's, made in passing."""
        seat = self.open(person, Native)
        self.ask(seat, type="hello", nick=person.nick, password="pw")
        made = self.ask(seat, type="token", scope=level, rooms=rooms)[-1]
        if made["type"] != "token":
            self.ask(seat, type="password", new="pw", old="pw", everywhere=True)
            made = self.ask(seat, type="token", scope=level, rooms=rooms)[-1]
        seat.session.lost("done")
        self.relay.run()
        self.leave(seat)
        self.drop_closed()
        return str(made["secret"])

    def go(self, seat: Seat) -> None:
        """A connection is lost: accounts stay, guests leave."""
        self.note(f"{seat.person.nick} goes")
        seat.session.lost("gone")
        self.relay.run()
        self.leave(seat)

    def leave(self, seat: Seat) -> None:
        self.seats.remove(seat)
        person = seat.person
        if person.account is None:
            self.people.remove(person)
            for name in [n for n, room in self.model.rooms.items()
                         if person in room.roles]:  # fmt: skip
                room = self.model.rooms[name]
                if room.direct:
                    del room.roles[person]
                else:
                    self.model.left(person, name, 0)

    def drop_closed(self) -> None:
        """Sessions that were hung up on with their token."""
        for seat in [one for one in self.seats if one.wire.closed]:
            self.leave(seat)


def figures(plays: list[Play]) -> str:
    """What was done, in a line."""

    def total(count: Callable[[Play], int]) -> str:
        return f"{sum(map(count, plays)):,}"

    return (
        f"{total(lambda one: one.allowed + one.refused)} questions,"
        f" {total(lambda one: one.refused)} refused,"
        f" {total(lambda one: one.told)} texts told live,"
        f" {total(lambda one: one.seen)} entries shown"
    )
