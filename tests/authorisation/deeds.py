"""What people do: asked for, compared with the model, and taken into it."""

from __future__ import annotations

from tests.authorisation.model import RANK, Person, Room
from tests.authorisation.stage import KEYS, ROOMS, Difference, Place, Seat, Stage


class Deeds(Stage):
    """Each chooses something, and does it from a seat."""

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

    def custom(self, seat: Seat) -> None:
        """An event of a kind of their own; who can't show it is told nothing."""
        name = self.pick(seat, 0)
        no = self.model.speak(seat.person, name)
        text = f"t{len(self.texts):06}t"
        place = Place(self.model.rooms.get(name) or Room(name), self.seq(name) + 1)
        self.texts[text.encode()] = place
        if self.judge(seat, "custom", name, no, kind="t/t", value=[text]):
            place.room.texts[place.seq] = seat.person
            place.room.customs.add(place.seq)
            self.heard_by(seat, place.room, text.encode(), irc=False)

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

    def heard_by(self, seat: Seat, room: Room, text: bytes, irc: bool = True) -> None:
        """Everybody in the room is told, and nobody else; IRC does not echo, and does
        not show everything."""
        for one in self.seats:
            oneself = room.direct and room.roles.keys() == {seat.person}
            echo = one.native or one is not seat or oneself
            due = one.person in room.roles and one.sees(room) and echo
            due = due and (irc or one.native)
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
