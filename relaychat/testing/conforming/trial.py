"""The ground of a check: relays in memory, sessions of the dialect, and native ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from relaychat.model.commands import Command, Edit, Hello, Join, React, Say, SetTopic
from relaychat.model.events import LogEvent
from relaychat.session.dialect import Dialect
from relaychat.session.native import Native
from relaychat.testing.conforming.material import ROOMS, Material
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay, Speaker

Connected = tuple[Speaker, MemoryLink]
ROOM = ROOMS[0]


class Failed(Exception):
    """What the dialect does is not what every dialect does. The text says how."""


class Trial:
    """One check's. ``chance`` is all that is random in it."""

    def __init__(
        self, dialect: type[Dialect], seed: str, examples: Sequence[bytes] = ()
    ) -> None:
        self.dialect = dialect
        self.chance = random.Random(seed)
        self.relay = Relay()
        self.learned = [*examples, *_learned(dialect)]
        self.material = Material(dialect, self.chance, self.learned)

    def fresh(self) -> None:
        """Another relay, as all are at first."""
        self.sound()
        self.relay = Relay()

    def sound(self) -> None:
        """Raises Failed if the relay reported anything."""
        for bug in self.relay.bugs:
            raise Failed(_short(bug))
        for doubt in self.relay.doubts:
            raise Failed(doubt)

    def open(self) -> Connected:
        """A session that has not said hello. One of ``control`` is its owner's."""
        return self.relay.open(self.dialect, uid=0)

    def enter(self, nick: str, *rooms: str) -> Connected:
        """A session of somebody who is in these rooms, and whose wire is clear."""
        return _enter(self.relay, self.dialect, nick, *rooms)

    def native(self, nick: str, *rooms: str) -> Connected:
        """The same, natively."""
        return _enter(self.relay, Native, nick, *rooms)

    def events(self) -> list[LogEvent]:
        """The log events from now on."""
        kept: list[LogEvent] = []
        self.relay.hub.house.hooks.after_events.append(kept.extend)
        return kept

    def chatter(self, count: int) -> Iterator[Command]:
        """What somebody says and does in the room, beginning with a message."""
        yield Say(ROOM, "first")
        for number in range(count - 1):
            text = f"message {number} " + "z" * self.chance.randrange(400)
            yield self.chance.choices(
                [
                    Say(ROOM, text),
                    Say(ROOM, text, self.chance.choice(["notice", "action"])),
                    SetTopic(ROOM, text[:100]),
                    React(ROOM, 3, "+1"),
                    Edit(ROOM, 3, text),
                ],
                [20, 2, 1, 1, 1],
            )[0]


def _enter(relay: Relay, dialect: type[Dialect], nick: str, *rooms: str) -> Connected:
    speaker, wire = relay.open(dialect, uid=0)
    if not speaker.session.control:
        speaker.say(Hello(nick), *map(Join, rooms))
    wire.clear()
    return speaker, wire


def _learned(dialect: type[Dialect]) -> list[bytes]:
    """Frames that the dialect makes, of a scene between two people."""
    relay = Relay()
    bob, _ = _enter(relay, Native, "bob", ROOM)
    ann, wire = relay.open(dialect, uid=0)
    if not ann.session.control:
        ann.say(Hello("ann"), Join(ROOM), Say(ROOM, "hello"))
        bob.say(Say(ROOM, "hello, ann"), SetTopic(ROOM, "tea"), Say("@ann", "psst"))
    return list(wire.payloads)


def _short(bug: str) -> str:
    """A report with the end of its traceback."""
    lines = [line for line in bug.strip().splitlines() if line.strip()]
    return "; ".join([lines[0], *[line.strip() for line in lines[-3:] if lines[1:]]])
