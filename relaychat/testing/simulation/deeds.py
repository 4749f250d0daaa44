"""What people do, by the names in the plan. Each deed is drawn from its item's seed."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from relaychat.model import commands as c
from relaychat.model.policy import PolicyChange, RoleName
from relaychat.testing.simulation.irc import Irc
from relaychat.testing.simulation.native import Native
from relaychat.testing.simulation.stranger import Stranger

ROOMS = ["#a", "#b", "#c", "#d", "#e"]
GUESTS_ROOM = "#guests"
"""Only guests go there: so it passes, and begins anew with another log."""
ROLES: list[RoleName] = ["member", "voice", "operator", "owner"]
BURST = [1, 1, 2, 3, 5, 8, 13]
LONG_TEXT = 0.04
LONGEST_TEXT = 6_000
IRC_TEXT = 300
"""Bytes that fit one line of IRC."""

Nicks = list[str]


class Deed:
    """One item's doing: by whom, with which chance."""

    def __init__(self, chance: random.Random, nicks: Nicks, number: int) -> None:
        self.chance = chance
        self.nicks = nicks
        self._number = number
        self._texts = 0

    def text(self, most: int = LONGEST_TEXT) -> str:
        """A text that nobody else says, nor this one twice."""
        self._texts += 1
        size = self.chance.randint(0, 60)
        if self.chance.random() < LONG_TEXT:
            size = self.chance.randint(0, most)
        # No piece of it is like another, however it is cut into lines.
        mark = f"t{self._number}.{self._texts}"
        words = [f"{mark}/{n}" for n in range(size // (len(mark) + 3))]
        return " ".join([mark, *words])

    def nick(self) -> str:
        """Somebody."""
        return self.chance.choice(self.nicks)

    def room(self, person: Native | Irc) -> str:
        """Mostly a room that they are in."""
        rooms = person.rooms
        if rooms and self.chance.random() < 0.97:
            return self.chance.choice(rooms)
        return self.chance.choice(ROOMS)

    def door(self, person: Native | Irc) -> str:
        """A room to go into, perhaps once more."""
        if person.wanted and self.coin():
            return self.chance.choice(person.wanted)
        return self.chance.choice(rooms_for(person))

    def coin(self, probability: float = 0.5) -> bool:
        """Yes or no."""
        return self.chance.random() < probability


def rooms_for(person: Native | Irc | Stranger) -> list[str]:
    """Where somebody may want to be."""
    return ROOMS if person.password else [*ROOMS, GUESTS_ROOM]


# -- with a native client -------------------------------------------------------------


def _speak(who: Native, deed: Deed, room: str = "") -> None:
    room = room or deed.room(who)
    for _ in range(deed.chance.choice(BURST)):
        kind: c.Kind = deed.chance.choice(["text", "text", "text", "notice", "action"])
        who.send(c.Say(room, deed.text(), kind))


def _last_words(who: Native, deed: Deed) -> None:
    """What is said in the same breath as what follows."""
    for room in who.rooms:
        if deed.coin(0.3):
            _speak(who, deed, room)


def _direct(who: Native, deed: Deed) -> None:
    room = f"@{deed.nick()}"
    for _ in range(deed.chance.choice(BURST[:4])):
        who.send(c.Say(room, deed.text()))


def _message(who: Native, deed: Deed) -> tuple[str, int]:
    """A message, mostly one of their own, of which the latest are still in memory."""
    if who.kept and deed.coin(0.8):
        return deed.chance.choice(who.kept[-8:] if deed.coin() else who.kept)
    room = deed.room(who)
    cursor = who.cursors.get(room)
    return room, deed.chance.randint(1, 1 + (cursor.seq if cursor else 1))


def _edit(who: Native, deed: Deed) -> None:
    who.send(c.Edit(*_message(who, deed), deed.text()))


def _redact(who: Native, deed: Deed) -> None:
    who.send(c.Redact(*_message(who, deed), deed.text(20)))


def _react(who: Native, deed: Deed) -> None:
    who.send(c.React(*_message(who, deed), "+1", deed.coin()))
    if deed.coin():
        value = {"text": deed.text(40), "lumps": [1, 2.5, None]}
        who.send(c.Custom(deed.room(who), "tea/order", value))


def _join(who: Native, deed: Deed) -> None:
    room = deed.door(who)
    who.want(room)
    if room not in who.rooms:
        who.ask(c.Join(room, deed.chance.choice(["", "key"])))


def _part(who: Native, deed: Deed) -> None:
    rooms = [room for room in who.rooms if room.startswith("#")]
    if rooms:
        _last_words(who, deed)
        room = deed.chance.choice(rooms)
        who.leave(room)
        if deed.coin():
            back_s = deed.chance.uniform(0.1, 10)
            who.stage.world.later(back_s, lambda: who.call(lambda: _back(who, room)))


def _back(who: Native, room: str) -> None:
    """Into a room once more, and see what was said there."""
    who.want(room)
    who.ask(c.History(room, limit=100))


def _rename(who: Native, deed: Deed) -> None:
    _last_words(who, deed)
    who.ask(c.Rename(f"{who.nick}{deed.chance.choice(['', '', '-x', '-y'])}"))


def _topic(who: Native, deed: Deed) -> None:
    who.ask(c.SetTopic(deed.room(who), deed.text(200)))


def _role(who: Native, deed: Deed) -> None:
    who.ask(c.SetRole(deed.room(who), deed.nick(), deed.chance.choice(ROLES)))


def _kick(who: Native, deed: Deed) -> None:
    who.ask(c.Kick(deed.room(who), deed.nick(), deed.text(20)))


def _invite(who: Native, deed: Deed) -> None:
    who.ask(c.Invite(deed.room(who), deed.nick()))


def _ban(who: Native, deed: Deed) -> None:
    room, mask = deed.room(who), f"{deed.nick()}!*@*"
    who.ask(c.Ban(room, mask, remove=deed.coin(0.7), exception=deed.coin(0.3)))


def _policy(who: Native, deed: Deed) -> None:
    change = deed.chance.choice(
        [
            {"invite_only": deed.coin(0.3)},
            {"moderated": deed.coin(0.3)},
            {"secret": deed.coin(0.3)},
            {"key": "key" if deed.coin(0.3) else ""},
            {"limit": deed.chance.choice([0, 0, 5])},
            *[{"history": deed.chance.choice(["all", "since_join"])}] * 3,
        ]
    )
    who.ask(c.SetPolicy(deed.room(who), msgspec.convert(change, PolicyChange)))


def _away(who: Native, deed: Deed) -> None:
    who.ask(c.SetAway(deed.chance.choice(["", "tea"])))


def _typing(who: Native, deed: Deed) -> None:
    who.ask(c.Type(deed.room(who), deed.coin()))


def _mark(who: Native, deed: Deed) -> None:
    room = deed.room(who)
    cursor = who.cursors.get(room)
    if cursor is not None and cursor.seq:
        who.ask(c.Mark(room, cursor.seq))


def _history(who: Native, deed: Deed) -> None:
    chance, room = deed.chance, deed.room(who)
    cursor = who.cursors.get(room)
    seq = chance.randint(1, 1 + (cursor.seq if cursor else 1))
    if who.redacted and deed.coin():
        room, seq = chance.choice(who.redacted[-2:])
    bounds = chance.choice([{}, {"before": seq}, {"after": seq}, {"around": seq}])
    who.ask(c.History(room, limit=chance.choice([1, 10, 100]), **bounds))


def _ask(who: Native, deed: Deed) -> None:
    some: list[c.Command] = [
        c.ListRooms(),
        c.ListMembers(deed.room(who)),
        c.Who(deed.nick()),
        c.Ping("x"),
    ]
    who.ask(deed.chance.choice(some))


def _bye(who: Native, deed: Deed) -> None:
    if who.up:
        _last_words(who, deed)
        who.conversation.bye()


NATIVE: dict[str, Callable[[Native, Deed], None]] = {
    "speak": _speak, "direct": _direct, "edit": _edit, "redact": _redact,
    "react": _react, "join": _join, "part": _part, "rename": _rename, "topic": _topic,
    "role": _role, "kick": _kick, "invite": _invite, "ban": _ban, "policy": _policy,
    "away": _away, "typing": _typing, "mark": _mark, "history": _history, "ask": _ask,
    "bye": _bye,
}  # fmt: skip


# -- with an IRC client ---------------------------------------------------------------


def _irc_speak(who: Irc, deed: Deed, room: str = "") -> None:
    room = room or deed.room(who)
    for _ in range(deed.chance.choice(BURST[:5])):
        who.message(room, deed.text(IRC_TEXT))


def _irc_last_words(who: Irc, deed: Deed) -> None:
    for room in who.rooms:
        if deed.coin(0.3):
            _irc_speak(who, deed, room)


def _irc_direct(who: Irc, deed: Deed) -> None:
    who.message(f"@{deed.nick()}", deed.text(IRC_TEXT))


def _irc_join(who: Irc, deed: Deed) -> None:
    who.want(deed.door(who))


def _irc_part(who: Irc, deed: Deed) -> None:
    if who.rooms:
        _irc_last_words(who, deed)
        who.leave(deed.chance.choice(who.rooms))


def _irc_rename(who: Irc, deed: Deed) -> None:
    _irc_last_words(who, deed)
    who.say("NICK", f"{who.nick}{deed.chance.choice(['', '', '-x', '-y'])}")


def _irc_topic(who: Irc, deed: Deed) -> None:
    who.say("TOPIC", deed.room(who), deed.text(200))


def _irc_names(who: Irc, deed: Deed) -> None:
    who.say("NAMES", deed.room(who))


def _irc_quit(who: Irc, deed: Deed) -> None:
    _irc_last_words(who, deed)
    who.say("QUIT", "bye")


IRC: dict[str, Callable[[Irc, Deed], None]] = {
    "speak": _irc_speak, "direct": _irc_direct, "join": _irc_join, "part": _irc_part,
    "rename": _irc_rename, "topic": _irc_topic, "ask": _irc_names, "bye": _irc_quit,
}  # fmt: skip


def do(person: Native | Irc | Stranger, what: str, deed: Deed) -> None:
    """Have somebody do this, if they can."""
    if isinstance(person, Native):
        doing = NATIVE[what]
        person.call(lambda: doing(person, deed))
    elif isinstance(person, Stranger):
        text = deed.text(IRC_TEXT)
        person.call(lambda: person.babble(deed.chance, deed.nicks, text))
    elif what in IRC:
        telling = IRC[what]
        person.call(lambda: telling(person, deed))
