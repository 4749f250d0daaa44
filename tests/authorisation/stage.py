"""The stage of a play: the relay, who is on it, and how anything is asked of it."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from msgspec import Struct

from relaychat.session.session import Session
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay
from tests.authorisation.model import LEVELS, Model, Person, Room

ROOMS = ("#a", "#b", "#c", "#d")
KEYS = ("", "", "k1", "k2")
TEXT = re.compile(rb"t\d{6}t")
NUMERICS = {
    "471": "room_full", "473": "invite_only", "474": "banned", "475": "bad_key",
    "404": "cannot_speak", "442": "not_in_room", "482": "forbidden",
    "403": "no_such_room", "401": "no_such_user",
}  # fmt: skip


class Difference(AssertionError):
    """The relay and the model differ."""


class Place(Struct, frozen=True):
    """Where a text was said."""

    room: Room
    seq: int


class Seat:
    """A session of somebody's."""

    def __init__(self, person: Person, session: Session, wire: MemoryLink) -> None:
        self.person = person
        self.session = session
        self.wire = wire
        self.level = "admin"
        self.rooms: tuple[str, ...] = ()
        """Of its token: those that it is for; none for all."""

    @property
    def native(self) -> bool:
        """Whether it speaks native."""
        return self.session.dialect == "native"

    def sees(self, room: Room) -> bool:
        """Whether its token lets it."""
        return not self.rooms or room.name in self.rooms


class Stage:
    """The relay and the model, side by side."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"authorisation {seed}")
        self.relay = Relay()
        self.relay.stays = True
        self.model = Model()
        self.seats: list[Seat] = []
        self.people: list[Person] = []
        self.texts: dict[bytes, Place] = {}
        self.told = 0
        self.allowed = 0
        self.refused = 0
        self.seen = 0
        self.trail: list[str] = []
        for name in ("ann", "bob", "cat", "dan"):
            self.relay.account(name)
            self.people.append(Person(name, name))

    # -- asking ------------------------------------------------------------------------

    def judge(
        self, seat: Seat, deed: str, room: str | None, no: set[str], **word: Any
    ) -> list[Any]:
        """Ask for something. What is told if it is allowed, nothing if it is refused;
        the model and the token have to agree with that."""
        no = set(no)
        if seat.level != "admin" and deed not in LEVELS[seat.level]:
            no = {"forbidden"}
        elif room is not None and seat.rooms and room not in seat.rooms:
            no = {"no_such_room"}
        if seat.native:
            named = {} if room is None or deed == "resume" else {"room": room}
            words: list[Any] = self.ask(seat, type=deed, **named, **word)
            code = words[-1].get("code") if words[-1]["type"] == "error" else None
        else:
            words = self.say(seat, irc_line(deed, str(room), word))
            found = [
                NUMERICS[n] for line in words if (n := line.split()[1]) in NUMERICS
            ]
            code = found[0] if found else None
            # IRC has one number for all that keeps one from speaking.
            if code == "cannot_speak" and deed == "send":
                no = no and {*no, "cannot_speak"}
        rooms = self.model.rooms
        self.note(
            f"{seat.person.nick} ({seat.session.dialect}) {deed} {room} {word}"
            f" -> {code}; model: {no}, {room in rooms and rooms[room or '']}"
        )
        if (code is None) is bool(no) or (code is not None and code not in no):
            raise Difference(f"{deed} {room}: {code}, the model says {no or 'yes'}")
        if code is None:
            self.allowed += 1
            return words or [""]
        self.refused += 1
        return []

    def ask(self, seat: Seat, **word: Any) -> list[dict[str, Any]]:
        """Say a native word: what is told, up to its answer, the last."""
        before = len(seat.wire.value())
        seat.session.receive(json.dumps({**word, "id": "q"}).encode() + b"\n")
        self.relay.run()
        words = [json.loads(line) for line in seat.wire.value()[before:].splitlines()]
        for index, one in enumerate(words):
            if one.get("id") == "q" and word["type"] not in ("hello", "resume"):
                return [*words[:index], *words[index + 1 :], one]
        return words

    def say(self, seat: Seat, line: str) -> list[str]:
        """Say a line of IRC: the lines that come back."""
        before = len(seat.wire.value())
        seat.session.receive(f"{line}\r\n".encode())
        self.relay.run()
        return seat.wire.value()[before:].decode().splitlines()

    def seq(self, name: str) -> int:
        """Of a room's last entry: numbers are the relay's to give."""
        room = self.relay.hub.state.rooms.get(name)
        return room.seq if room else 0

    def note(self, text: str) -> None:
        """For who looks into a difference."""
        self.trail.append(text)

    def same(self, what: str, told: object, expected: object) -> None:
        """Raises Difference."""
        if told != expected:
            raise Difference(f"{what}: {told}, the model says {expected}")

    # -- every byte --------------------------------------------------------------------

    def drain(self) -> None:
        """Look at all that anybody was sent in this step."""
        for seat in self.seats:
            for text in set(TEXT.findall(seat.wire.value())):
                place = self.texts[text]
                readable = place.room.may_read(seat.person, place.seq)
                if not readable or not seat.sees(place.room):
                    raise Difference(
                        f"{seat.person.nick} was told {text!r} of {place.room.name}"
                    )
            seat.wire.clear()


def irc_line(deed: str, room: str, word: dict[str, Any]) -> str:
    """A deed in IRC."""
    if deed == "join":
        return f"JOIN {room} {word['key']}".rstrip()
    if deed == "send":
        return f"PRIVMSG {room.removeprefix('@')} :{word['text']}"
    return f"TOPIC {room} :{word['text']}" if deed == "topic" else f"PART {room}"
