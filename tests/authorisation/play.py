"""Random people on random wires, and the model beside them.

Each step somebody does something. The relay's answer has to be one that the model
allows; every byte that anybody is sent is searched for texts, and each text has to be
one that they may read at that moment; who has to be told a message is told it; and what
pages, resumes and lists show is exactly what the model says.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from relaychat.session.irc.dialect import Irc
from relaychat.session.native import Native
from relaychat.session.session import Session
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay
from tests.authorisation.model import LEVELS, RANK, Model, Person, Room

ROOMS = ("#a", "#b", "#c", "#d")
KEYS = ("", "", "k1", "k2")
TEXT = re.compile(rb"t\d{6}t")
NUMERICS = {
    "471": "room_full", "473": "invite_only", "474": "banned", "475": "bad_key",
    "404": "cannot_speak", "442": "not_in_room", "482": "forbidden",
    "403": "no_such_room", "401": "no_such_user",
}  # fmt: skip
STEPS = 500
"""Of one run: long enough for stays, short enough for a log to be one page."""


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


class Play:
    """One run."""

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

    # -- steps -------------------------------------------------------------------------

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

    # -- deeds: asked for, compared, taken into the model ------------------------------

    def join(self, seat: Seat) -> None:
        """Into a room."""
        name, key = self.pick(seat, -1, -1), self.chance.choice(KEYS)
        no = self.model.join(seat.person, name, key)
        if self.judge(seat, "join", name, no, key=key):
            self.model.entered(seat.person, name, self.seq(name))

    def part(self, seat: Seat) -> None:
        """Out of it."""
        name = self.pick(seat, 0)
        no = self.model.outside(seat.person, name)
        seq = self.seq(name) + 1
        if self.judge(seat, "part", name, no):
            self.model.left(seat.person, name, seq)

    def send(self, seat: Seat) -> None:
        """A text into a room; all who have to be are told it."""
        name = self.pick(seat, 0)
        no = self.model.speak(seat.person, name)
        text = f"t{len(self.texts):06}t"
        place = Place(self.model.rooms.get(name) or Room(name), self.seq(name) + 1)
        self.texts[text.encode()] = place
        if self.judge(seat, "send", name, no, text=text):
            place.room.texts[place.seq] = seat.person
            self.heard_by(seat, place.room, text.encode())

    def whisper(self, seat: Seat) -> None:
        """A text to somebody."""
        other = self.chance.choice(self.people)
        pair = {seat.person, other}
        name = self.key_of(pair)
        room = self.model.rooms.get(name)
        here = other.account or any(one.person is other for one in self.seats)
        no = set() if here else {"no_such_user"}
        room = room or Room(name, direct=True, kept=True)
        text = f"t{len(self.texts):06}t"
        place = Place(room, self.seq(name) + 1)
        self.texts[text.encode()] = place
        for one in pair:
            room.roles[one], room.since[one] = "member", 1
        known = name in self.model.rooms
        self.model.rooms[name] = room
        if self.judge(seat, "send", f"@{other.nick}", no, text=text):
            room.texts[place.seq] = seat.person
            self.heard_by(seat, room, text.encode())
        elif not known:
            del self.model.rooms[name]

    def key_of(self, pair: set[Person]) -> str:
        """What the relay calls the room of two people."""
        keys = []
        for one in pair:
            user = self.relay.hub.state.user_of(one.nick)
            keys.append(user.key if user else one.nick)
        return "@" + ",".join(sorted(keys * (3 - len(keys))))

    def heard_by(self, seat: Seat, room: Room, text: bytes) -> None:
        """Everybody in the room is told, and nobody else; IRC does not echo."""
        for one in self.seats:
            oneself = room.direct and room.roles.keys() == {seat.person}
            echo = one.native or one is not seat or oneself
            due = one.person in room.roles and one.sees(room) and echo
            if (text in one.wire.value()) is not due:
                who = f"{one.person.nick} ({one.session.dialect})"
                raise Difference(f"{text!r} in {room.name}: {who} {due=}")
            self.told += due

    def topic(self, seat: Seat) -> None:
        """A topic."""
        name = self.pick(seat, 0)
        no = self.model.topic(seat.person, name)
        self.judge(seat, "topic", name, no, text="topic")

    def role(self, seat: Seat) -> None:
        """A role for somebody."""
        name = self.pick(seat, 2)
        other = self.somebody_in(name)
        wanted = self.chance.choice(list(RANK))
        no = self.model.role(seat.person, name, other, wanted) | self.absent(other)
        if self.judge(seat, "role", name, no, nick=other.nick, role=wanted):
            self.model.rooms[name].roles[other] = wanted

    def policy(self, seat: Seat) -> None:
        """Another policy."""
        name = self.pick(seat, 2)
        field, value = self.chance.choice([
            ("key", self.chance.choice(KEYS)), ("invite_only", self.flip()),
            ("moderated", self.flip()), ("secret", self.flip()),
            ("members_only", self.flip()), ("topic_locked", self.flip()),
            ("limit", self.chance.choice([0, 0, 2, 4])),
            ("history", self.chance.choice(["all", "since_join"])),
        ])  # fmt: skip
        no = self.model.needs(seat.person, name, "operator")
        if self.judge(seat, "policy", name, no, policy={field: value}):
            self.model.rooms[name].policy[field] = value

    def flip(self) -> bool:
        """Rather not."""
        return self.chance.random() < 0.4

    def invite(self, seat: Seat) -> None:
        """Somebody is let in."""
        name, other = self.pick(seat, 0), self.chance.choice(self.people)
        no = self.model.invite(seat.person, name, other) | self.absent(other)
        if self.judge(seat, "invite", name, no, nick=other.nick):
            self.model.rooms[name].invited.add(other)

    def kick(self, seat: Seat) -> None:
        """Somebody is put out."""
        name = self.pick(seat, 2)
        other = self.somebody_in(name)
        no = self.model.kick(seat.person, name, other) | self.absent(other)
        seq = self.seq(name) + 1
        if self.judge(seat, "kick", name, no, nick=other.nick):
            self.model.left(other, name, seq)

    def absent(self, other: Person) -> set[str]:
        """Guests who are not here are nobody; accounts always are somebody."""
        here = other.account or any(one.person is other for one in self.seats)
        return set() if here else {"no_such_user"}

    def ban(self, seat: Seat) -> None:
        """A ban by nick or by account, or its end."""
        name, other = self.pick(seat, 2), self.chance.choice(self.people)
        mask = self.chance.choice([(other.nick, "*"), ("*", other.account or "~guest")])
        remove = self.chance.random() < 0.5
        no = self.model.needs(seat.person, name, "operator")
        said = f"{mask[0]}!{mask[1]}@*"
        if self.judge(seat, "ban", name, no, mask=said, remove=remove):
            bans = self.model.rooms[name].bans
            bans.discard(mask) if remove else bans.add(mask)

    def edit(self, seat: Seat) -> None:
        """Another text for a message."""
        name, seq = self.some_message(seat)
        no = self.model.edit(seat.person, name, seq)
        text = f"t{len(self.texts):06}t"
        place = Place(self.model.rooms.get(name) or Room(name), self.seq(name) + 1)
        self.texts[text.encode()] = place
        if self.judge(seat, "edit", name, no, seq=seq, text=text):
            self.heard_by(seat, place.room, text.encode())

    def redact(self, seat: Seat) -> None:
        """A message is blanked."""
        name, seq = self.some_message(seat)
        no = self.model.redact(seat.person, name, seq)
        if self.judge(seat, "redact", name, no, seq=seq):
            del self.model.rooms[name].texts[seq]

    def pick(self, seat: Seat, least: int, most: int = 3) -> str:
        """A room: mostly one where they have a role between these; -1 is outside."""
        fitting = [
            name
            for name in ROOMS
            if name in self.model.rooms
            if least <= self.model.rooms[name].rank(seat.person) <= most
        ]
        anywhere = not fitting or self.chance.random() < 0.25
        return self.chance.choice(ROOMS if anywhere else fitting)

    def somebody_in(self, name: str) -> Person:
        """Mostly somebody who is in a room."""
        room = self.model.rooms.get(name)
        inside = list(room.roles) if room and self.chance.random() < 0.8 else []
        return self.chance.choice(inside or self.people)

    def some_message(self, seat: Seat) -> tuple[str, int]:
        """One that there is, mostly."""
        name = self.pick(seat, 0)
        room = self.model.rooms.get(name)
        seqs = list(room.texts) if room else []
        return name, self.chance.choice(seqs or [1])

    # -- reading -----------------------------------------------------------------------

    def history(self, seat: Seat) -> None:
        """A page: exactly what they may read of what they ask for."""
        name = self.some_room(seat)
        no = self.outside(seat, name)
        after = self.chance.choice([0, 0, self.chance.randrange(40)])
        words = self.judge(seat, "history", name, no, after=after, limit=1000)
        if words:
            page = words[-1]
            if page.get("more"):
                raise Difference("a page is too short for this test")
            self.same_seqs(seat, name, page["events"], after)

    def resume(self, seat: Seat) -> None:
        """Start over somewhere: exactly what they may read of what was missed."""
        name = self.some_room(seat)
        no = {"no_such_room"} if self.outside(seat, name) else set()
        live = self.relay.hub.state.rooms.get(name)
        epoch, seq = (live.epoch, live.seq) if live else ("x", 0)
        after = self.chance.randint(0, seq)
        rooms = {name: {"epoch": epoch, "seq": after}}
        words = self.judge(seat, "resume", name, no, rooms=rooms)
        if words:
            if words[-1]["type"] != "resumed":
                raise Difference(f"resumed with {words[-1]}")
            told = [one for one in words if one.get("room") == name]
            self.same_seqs(seat, name, told, after)

    def some_room(self, seat: Seat) -> str:
        """A room, or a direct one of theirs."""
        direct = [room.name for room in self.model.rooms.values()
                  if room.direct and seat.person in room.roles]  # fmt: skip
        return self.chance.choice([self.pick(seat, 0)] * 4 + direct)

    def outside(self, seat: Seat, name: str) -> set[str]:
        """Why a room is none of theirs."""
        return self.model.outside(seat.person, name)

    def same_seqs(self, seat: Seat, name: str, told: Any, after: int) -> None:
        """What is shown of a log is what may be read, and the rest is withheld."""
        room = self.model.rooms[name]
        last = self.seq(name)
        shown, hidden = set(), set()
        for one in told:
            if one["type"] == "withheld":
                hidden |= set(range(one["first"], one["last"] + 1))
            elif "seq" in one and one["type"] not in ("room", "marked"):
                shown.add(one["seq"])
        span = set(range(after + 1, last + 1))
        readable = {seq for seq in span if room.may_read(seat.person, seq)}
        self.same(f"{name} after {after}", shown, readable)
        self.same(f"{name} withheld after {after}", hidden, span - readable)
        self.seen += len(shown)

    def show(self, seat: Seat) -> None:
        """A room as it is; its key is for members alone."""
        name = self.chance.choice(ROOMS)
        words = self.judge(seat, "show", name, self.hidden(seat, name))
        if words:
            room, shown = self.model.rooms[name], words[-1]
            self.same("members", by_nick(shown.get("members", ())), roles(room))
            key = room.policy.get("key", "") if seat.person in room.roles else ""
            self.same("key", shown.get("policy", {}).get("key", ""), key)

    def members(self, seat: Seat) -> None:
        """Who is in it."""
        name = self.chance.choice(ROOMS)
        words = self.judge(seat, "members", name, self.hidden(seat, name))
        if words:
            told = by_nick(words[-1].get("members", ()))
            self.same("members", told, roles(self.model.rooms[name]))

    def hidden(self, seat: Seat, name: str) -> set[str]:
        """Why a room is not there."""
        return self.outside(seat, name) & {"no_such_room"}

    def list_rooms(self, seat: Seat) -> None:
        """All rooms that one may know of."""
        words = self.judge(seat, "rooms", None, set())
        if words:
            told = {one["room"] for one in words[-1]["rooms"] if one["room"][0] == "#"}
            self.same("rooms", told, self.known_to(seat, None))

    def who(self, seat: Seat) -> None:
        """Somebody, and the rooms of theirs that one may know of."""
        other = self.chance.choice(self.people)
        words = self.judge(seat, "who", None, self.absent(other), nick=other.nick)
        if words:
            told = {name for name in words[-1].get("rooms", ()) if name[0] == "#"}
            self.same("who", told, self.known_to(seat, other))

    def known_to(self, seat: Seat, other: Person | None) -> set[str]:
        """The rooms, or those of somebody, that are open or one's own."""
        return {
            name
            for name, room in self.model.rooms.items()
            if not room.direct and seat.sees(room)
            if not room.hides_from(seat.person)
            if other is None or other in room.roles
        }

    def names(self, seat: Seat) -> None:
        """IRC: the members of a room; nothing of one that is secret."""
        name = self.chance.choice(ROOMS)
        answer = self.say(seat, f"NAMES {name}")
        told = {nick.lstrip("@+") for line in answer if " 353 " in line
                for nick in line.rpartition(":")[2].split()}  # fmt: skip
        room = self.model.rooms.get(name)
        seen = room is not None and seat.sees(room) and not room.hides_from(seat.person)
        self.same("names", told, {one.nick for one in room.roles} if seen and room else
                  set())  # fmt: skip

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


def by_nick(members: Any) -> dict[str, str]:
    """Roles, as lists have them."""
    return {one["nick"]: one.get("role", "member") for one in members}


def roles(room: Room) -> dict[str, str]:
    """Roles, as the model has them."""
    return {person.nick: role for person, role in room.roles.items()}


def irc_line(deed: str, room: str, word: dict[str, Any]) -> str:
    """A deed in IRC."""
    if deed == "join":
        return f"JOIN {room} {word['key']}".rstrip()
    if deed == "send":
        return f"PRIVMSG {room.removeprefix('@')} :{word['text']}"
    return f"TOPIC {room} :{word['text']}" if deed == "topic" else f"PART {room}"


NATIVE: dict[str, int] = {
    "join": 14, "part": 4, "send": 16, "whisper": 4, "topic": 3, "role": 6,
    "policy": 10, "invite": 5, "kick": 4, "ban": 5, "edit": 4, "redact": 3,
    "history": 10, "resume": 8, "show": 4, "members": 4, "list_rooms": 3, "who": 4,
}  # fmt: skip
IRC: dict[str, int] = {"join": 6, "part": 2, "send": 8, "whisper": 1, "topic": 2,
                       "names": 3}  # fmt: skip


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
