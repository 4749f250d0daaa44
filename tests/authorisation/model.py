"""Who may do what, and who may read what: written from ``docs/protocol.md`` and the
design, not from the code, and so small that one can see that it is right.

Each question is answered with the codes of all reasons against it; there is none where
it is allowed. Which of several reasons is told first is not said anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RANK = {"member": 0, "voice": 1, "operator": 2, "owner": 3}
READ = {"history", "resume", "show", "members", "who", "rooms", "mark"}
SEND = READ | {"join", "part", "send", "custom", "edit", "redact"}
LEVELS = {"read": READ, "send": SEND}


@dataclass(eq=False)
class Person:
    """An account, or a guest."""

    nick: str
    account: str | None

    @property
    def mask(self) -> tuple[str, str]:
        """What bans go by."""
        return self.nick, self.account or "~guest"


@dataclass(eq=False)
class Room:
    """A log, and the people in it."""

    name: str
    owner: str | None = None
    kept: bool = False
    policy: dict[str, object] = field(
        default_factory=lambda: {"members_only": True, "topic_locked": True}
    )
    roles: dict[Person, str] = field(default_factory=dict)
    since: dict[Person, int] = field(default_factory=dict)
    stays: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Of accounts: first and last seq of each."""
    bans: set[tuple[str, str]] = field(default_factory=set)
    """Nick and account, of which one is ``*``."""
    invited: set[Person] = field(default_factory=set)
    texts: dict[int, Person] = field(default_factory=dict)
    """Messages that are not redacted, by seq: who wrote them."""
    customs: set[int] = field(default_factory=set)
    """Which of them are of a kind of somebody's own: these have no text to edit."""
    direct: bool = False

    def rule(self) -> str:
        """The history rule in force: closed rooms show nobody what was before them."""
        closed = any(self.policy.get(one) for one in ("key", "invite_only", "secret"))
        rule = str(self.policy.get("history", "all"))
        return "since_join" if rule == "all" and closed else rule

    def may_read(self, person: Person, seq: int) -> bool:
        """Present members: all of it, or their own stays."""
        if person not in self.roles:
            return False
        if self.rule() == "all" or self.direct or seq >= self.since[person]:
            return True
        stays = self.stays.get(person.account or "", [])
        return any(first <= seq <= last for first, last in stays)

    def banned(self, person: Person) -> bool:
        """Whether a ban touches them."""
        return any(
            mask in ("*", name)
            for ban in self.bans
            for mask, name in [next(
                pair for pair in zip(ban, person.mask, strict=True) if pair[0] != "*"
            )]
        )  # fmt: skip

    def hides_from(self, person: Person) -> bool:
        """Whether it does not exist for them."""
        return person not in self.roles and bool(self.policy.get("secret"))

    def rank(self, person: Person) -> int:
        """Of their role; outside of the room -1."""
        return RANK[self.roles[person]] if person in self.roles else -1


class Model:
    """The rooms."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}

    def outside(self, person: Person, name: str) -> set[str]:
        """Reasons why somebody has no part in a room."""
        room = self.rooms.get(name)
        if room is None or room.hides_from(person):
            return {"no_such_room"}
        return set() if person in room.roles else {"not_in_room"}

    def needs(self, person: Person, name: str, least: str) -> set[str]:
        """The same, and a role that is too low."""
        no = self.outside(person, name)
        if not no and self.rooms[name].rank(person) < RANK[least]:
            no = {"forbidden"}
        return no

    def join(self, person: Person, name: str, key: str) -> set[str]:
        """Who may come in: an invitation opens all but a ban, an owner all."""
        room = self.rooms.get(name)
        if room is None or person in room.roles:
            return set()
        if room.owner is not None and room.owner == person.account:
            return set()
        if room.banned(person):
            return {"banned"}
        if person in room.invited:
            return set()
        policy, no = room.policy, set()
        if policy.get("invite_only"):
            no.add("invite_only")
        if policy.get("key") and policy["key"] != key:
            no.add("bad_key")
        if policy.get("limit") and len(room.roles) >= int(str(policy["limit"])):
            no.add("room_full")
        return no

    def speak(self, person: Person, name: str) -> set[str]:
        """Who may say something there."""
        room = self.rooms.get(name)
        if room is None or room.hides_from(person):
            return {"no_such_room"}
        if person not in room.roles and room.policy.get("members_only"):
            return {"not_in_room"}
        mute = room.policy.get("moderated") or room.banned(person)
        return {"cannot_speak"} if mute and room.rank(person) < RANK["voice"] else set()

    def topic(self, person: Person, name: str) -> set[str]:
        """Who may set it."""
        locked = name in self.rooms and self.rooms[name].policy.get("topic_locked")
        return self.needs(person, name, "operator" if locked else "member")

    def role(self, person: Person, name: str, other: Person, wanted: str) -> set[str]:
        """Operators give and take what is not above them; anybody steps down."""
        no = self.outside(person, name)
        if no:
            return no
        room = self.rooms[name]
        if other not in room.roles:
            return {"user_not_in_room"}
        mine, theirs, new = room.rank(person), room.rank(other), RANK[wanted]
        if other is person and new < mine:
            return set()
        low = mine < RANK["operator"] or new > mine or theirs > mine
        return {"forbidden"} if low else set()

    def kick(self, person: Person, name: str, other: Person) -> set[str]:
        """Operators, and nobody whose role is above."""
        no = self.needs(person, name, "operator")
        if name in self.rooms and other not in self.rooms[name].roles:
            return no | {"user_not_in_room"}
        if not no and self.rooms[name].rank(other) > self.rooms[name].rank(person):
            no = {"forbidden"}
        return no

    def invite(self, person: Person, name: str, other: Person) -> set[str]:
        """Members; operators only, where only who was invited comes in."""
        closed = name in self.rooms and self.rooms[name].policy.get("invite_only")
        no = self.needs(person, name, "operator" if closed else "member")
        if name in self.rooms and other in self.rooms[name].roles and not no:
            no = {"already_in_room"}
        return no

    def message(self, person: Person, name: str, seq: int) -> set[str]:
        """Reasons why a message can't be acted on, whoever wrote it."""
        no = self.outside(person, name)
        if no:
            return no
        room = self.rooms[name]
        seen = seq in room.texts and room.may_read(person, seq)
        return set() if seen else {"no_such_message"}

    def edit(self, person: Person, name: str, seq: int) -> set[str]:
        """One's own, where one may speak."""
        no = self.message(person, name, seq) | (
            self.speak(person, name) - {"no_such_room"}
        )
        if not no and seq in self.rooms[name].customs:
            no = {"no_such_message"}
        if not no and self.rooms[name].texts[seq] is not person:
            no = {"forbidden"}
        return no

    def redact(self, person: Person, name: str, seq: int) -> set[str]:
        """One's own, or any, for operators; in a direct room one's own."""
        no = self.message(person, name, seq)
        if no or self.rooms[name].texts[seq] is person:
            return no
        room = self.rooms[name]
        high = room.rank(person) >= RANK["operator"] and not room.direct
        return set() if high else {"forbidden"}

    # -- what comes of it --------------------------------------------------------------

    def entered(self, person: Person, name: str, seq: int) -> None:
        """They are in. The first one owns it; of a room that no account owns, the first
        account."""
        room = self.rooms.setdefault(name, Room(name))
        if person in room.roles:
            return
        mine = room.owner is not None and room.owner == person.account
        room.roles[person] = "owner" if mine or not room.roles else "member"
        if room.kept and not mine:
            room.roles[person] = "member"
        if not room.kept and person.account is not None:
            room.owner, room.kept = person.account, True
        room.since[person] = seq
        room.invited.discard(person)

    def left(self, person: Person, name: str, seq: int) -> None:
        """They are out: a stay ends with its last entry. A room that only guests have
        been in closes with its last member."""
        room = self.rooms[name]
        del room.roles[person]
        first = room.since.pop(person)
        if person.account is not None:
            room.stays.setdefault(person.account, []).append((first, seq))
        if not room.roles and not room.kept:
            del self.rooms[name]
