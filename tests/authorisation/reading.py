"""What people are shown when they ask: exactly what the model says."""

from __future__ import annotations

from typing import Any

from tests.authorisation.deeds import Deeds
from tests.authorisation.model import Person, Room
from tests.authorisation.stage import ROOMS, Difference, Seat


class Reading(Deeds):
    """Every path on which a log, a list or a room is read."""

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


def by_nick(members: Any) -> dict[str, str]:
    """Roles, as lists have them."""
    return {one["nick"]: one.get("role", "member") for one in members}


def roles(room: Room) -> dict[str, str]:
    """Roles, as the model has them."""
    return {person.nick: role for person, role in room.roles.items()}
