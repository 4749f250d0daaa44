"""Whole conversations as texts, run against a relay in memory::

    # Ann and Bob have tea.
    ann> IAM ann
    ann> JOIN #tea
    bob> IAM bob
    bob> JOIN #tea
    ann> SAY #tea hi
    ann< #tea ann: HI
    bob< #tea ann: HI

A line is

::

    name> LINE             somebody says this
    name< LINE             the next thing that they are told; ... in it is any text
    name< ...              whatever they are told until what comes next in the script
    name: speaks DIALECT   before they say anything: another dialect than the script's
    name: hangs up
    name: is hung up on
    name: stops reading
    name: reads on
    -- 15 s                time passes
    # a comment

Whoever is named is connected. What somebody is told has to be there in its order, and
all of it, by the time that anybody says something more: so a script also says what
nobody is told. For dialects without lines, ``LINE`` is written as in a literal of
Python's bytes, and nothing ends it: ``ann> \\\\x00\\\\x02hi``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from relaychat.session.dialect import Dialect

if TYPE_CHECKING:
    from relaychat.testing.link import MemoryLink
    from relaychat.testing.relay import Relay, Speaker

ANYTHING = "..."
_LINE = re.compile(r"(?P<name>[\w-]+)(?P<how>[><:])(?: (?P<text>.*))?")
_TIME = re.compile(r"-- (?P<seconds>\d+(\.\d+)?) s")


class ScriptError(AssertionError):
    """What was said or told is not what the script says. The text has its line."""


class Person:
    """Somebody in a script."""

    def __init__(self, dialect: type[Dialect], ends: Speaker, wire: MemoryLink) -> None:
        self.speaker = ends
        self.wire = wire
        self.open_end = False
        """Whatever they are told now is fine."""
        self._lines = dialect.text
        self._end = dialect.line_end.encode()

    def say(self, text: str) -> None:
        """Say a line."""
        ending = b"\n" if self._lines else b""
        self.speaker.dataReceived(self._bytes(text) + ending)

    def hear(self, text: str) -> bool:
        """Take what they are told next, if it is this."""
        data = self.wire.value()
        anything, skipped = (b"[^\n]*?", b"(?:[^\n]*\n)*?")
        if not self._lines:
            anything = skipped = b".*?"
        pattern = anything.join(
            re.escape(self._bytes(part)) for part in text.split(ANYTHING)
        )
        if self._lines:
            pattern += re.escape(self._end)
        elif text.endswith(ANYTHING):
            pattern += b"$"
        before = skipped if self.open_end else b""
        found = re.match(before + pattern, data, re.DOTALL)
        if found is None:
            return False
        self.open_end = False
        self.wire.payloads[:] = [data[found.end() :]]
        return True

    def rest(self) -> str:
        """What they were told beyond that, for people; empty for nothing."""
        data = b"" if self.open_end else self.wire.value()
        return data.decode().rstrip() if self._lines else repr(data)[2:-1]

    def forget(self) -> None:
        """Somebody says something more."""
        if self.open_end:
            self.wire.clear()
        self.open_end = False

    def _bytes(self, text: str) -> bytes:
        if self._lines:
            return text.encode()
        return text.encode().decode("unicode_escape").encode("latin-1")


class Conversation:
    """Runs a script. ``dialects`` are those that it can name beside its own."""

    def __init__(
        self,
        relay: Relay,
        dialect: type[Dialect],
        dialects: Mapping[str, type[Dialect]] | None = None,
    ) -> None:
        self._relay = relay
        self._dialect = dialect
        self._dialects = {dialect.name: dialect, **(dialects or {})}
        self._people: dict[str, Person] = {}
        self._number = 0
        self._line = ""

    def run(self, script: str) -> None:
        """Run it to its end. Raises ScriptError."""
        for self._number, line in enumerate(script.splitlines(), 1):
            self._line = line.strip()
            if self._line and not self._line.startswith("#"):
                self._step()
        self._line = "the end"
        self._heard()

    def _step(self) -> None:
        time = _TIME.fullmatch(self._line)
        if time is not None:
            self._heard()
            self._relay.world.advance(float(time["seconds"]))
            return
        found = _LINE.fullmatch(self._line)
        if found is None:
            raise self._error("is no line of a script")
        name, text = found["name"], found["text"] or ""
        if found["how"] == ":":
            self._do(name, text)
        elif found["how"] == ">":
            self._heard()
            self._person(name).say(text)
        elif text == ANYTHING:
            self._person(name).open_end = True
        elif not self._person(name).hear(text):
            told = self._person(name).wire.value()
            raise self._error(f"{name} was told {told!r}")

    def _do(self, name: str, what: str) -> None:
        if what.startswith("speaks "):
            self._meet(name, self._dialects.get(what.removeprefix("speaks ")))
            return
        person = self._person(name)
        if what == "is hung up on":
            if not person.wire.closed:
                raise self._error("is not")
            return
        self._heard()
        deeds: dict[str, Callable[[], None]] = {
            "hangs up": person.speaker.connectionLost,
            "stops reading": person.wire.hold,
            "reads on": person.wire.release,
        }
        if what not in deeds:
            raise self._error("is no line of a script")
        deeds[what]()
        self._relay.run()

    def _person(self, name: str) -> Person:
        if name not in self._people:
            self._meet(name, self._dialect)
        return self._people[name]

    def _meet(self, name: str, dialect: type[Dialect] | None) -> None:
        if dialect is None or name in self._people:
            raise self._error("no such dialect, or they are there already")
        self._people[name] = Person(dialect, *self._relay.open(dialect))

    def _heard(self) -> None:
        """Raises ScriptError if somebody was told what the script does not say."""
        for name, person in self._people.items():
            rest = person.rest()
            if rest:
                raise self._error(f"before it {name} was told: {rest}")
        for person in self._people.values():
            person.forget()

    def _error(self, why: str) -> ScriptError:
        return ScriptError(f"line {self._number}: {self._line}: {why}")
