"""``docs/protocol.md`` held against the code: words, fields, codes, conversations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from relaychat.model import accounts, commands, errors, events, policy
from relaychat.model.words import Word
from relaychat.session.control import ALLOWED
from relaychat.session.native import Native
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import RelayTestCase, Speaker
from relaychat.wire.jsonl import Decoder
from tests.docs.pages import blocks

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
INSIDE = {"user_quit", "user_renamed"}
"""Events that other dialects show; natively there are the rooms' log events (H14)."""
LOGGED = ["room", "seq", "at", "sender", "account"]
"""Fields of every log event, described once."""
UNSTEADY = {
    "at",
    "created",
    "topic_at",
    "epoch",
    "occurrence",
    "software",
    "limits",
    "scram",
}
"""What differs from run to run of a conversation."""


class Field(NamedTuple):
    """A row of a table of fields."""

    kind: str
    default: str


Fields = dict[str, Field]


def parts() -> dict[str, str]:
    """The chapters of the page, by heading."""
    _, *rest = re.split(r"^## (.*)$", PAGE.read_text(), flags=re.M)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def sections(part: str) -> dict[str, str]:
    """The sections of a chapter, by the word that each is about."""
    _, *rest = re.split(r"^### (.*)$", parts()[part], flags=re.M)
    found = dict(zip(rest[::2], rest[1::2], strict=True))
    return {name.strip("`"): text for name, text in found.items()}


def tables(text: str) -> Iterator[tuple[str, Fields]]:
    """The tables of fields in a text, by what they are fields of."""
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        head, _, *rows = [
            [cell.strip() for cell in row.strip("|\n ").split(" | ")]
            for row in table.splitlines()
        ]
        if head[0].startswith("field"):
            yield (
                re.sub(r"^field( of an? | of )?", "", head[0]),
                {row[0].strip("`"): Field(row[1], row[2]) for row in rows},
            )


def fields_of(kind: type[msgspec.Struct]) -> Fields:
    """The same of a Struct, as the page writes it."""
    found = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "id":
            continue
        if field.required:
            default = "required"
        elif field.default_factory is not msgspec.NODEFAULT:
            default = msgspec.json.encode(field.default_factory()).decode()
        else:
            default = msgspec.json.encode(field.default).decode()
        found[field.name] = Field(json_type(field.type), default.replace("null", "–"))
    return found


def json_type(kind: Any) -> str:
    """What a field is in JSON."""
    schema = msgspec.json.schema(kind)
    while "anyOf" in schema or "$ref" in schema:
        if "$ref" in schema:
            return "object"
        (schema,) = [one for one in schema["anyOf"] if one.get("type") != "null"]
    if "enum" in schema:
        return "string"
    return str(schema.get("type", "any"))


def tagged(module: Any, base: type[Word]) -> dict[str, type[Word]]:
    """The words of a module, by their tags."""
    return {
        str(kind.__struct_config__.tag): kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, base)
        if kind.__struct_config__.tag != kind.__name__
    }


ASKED = (*get_args(commands.AnyCommand), *get_args(accounts.AnyErrand))
COMMANDS = {str(kind.__struct_config__.tag): kind for kind in ASKED}
EVENTS = {
    tag: kind
    for tag, kind in tagged(events, Word).items()
    if not issubclass(kind, events.Answer) and tag not in INSIDE
}
ANSWERS = {**tagged(events, events.Answer), **tagged(accounts, events.Answer)}
ADMINISTRATION = [
    "status", "sessions", "account", "accounts", "suspend", "reset", "ticket",
    "tickets", "reload", "calls", "call", "stop",
]  # fmt: skip
BESIDE: dict[str, type[msgspec.Struct]] = {
    "status": events.StatusReport, "reload": events.Reloaded,
    "calls": events.CallList, "call": events.Called,
    "proof": accounts.Challenge, "token": accounts.TokenMade,
    "certificate": accounts.CertificateList, "reset": accounts.ResetMade,
    "ticket": accounts.TicketMade,
}  # fmt: skip
"""Answers whose fields stand with their questions."""
LISTS = {"sessions", "tokens", "devices", "accounts", "tickets"}
"""Answers that are lists, described with their questions."""


class WordTests(SynchronousTestCase):
    """Every word has its section, with exactly its fields."""

    maxDiff = None

    def check(self, text: str, of: str, kind: type[msgspec.Struct], *but: str) -> None:
        """The table of these fields is that of the Struct."""
        (table,) = [fields for name, fields in tables(text) if name == of] or [{}]
        expected = {name: f for name, f in fields_of(kind).items() if name not in but}
        self.assertEqual(table, expected, kind.__name__)

    def test_commands(self) -> None:
        """Those of people, those about accounts, those of administrators."""
        people, own = sections("Commands"), sections("Accounts")
        administration = sections("Administration")
        self.assertEqual(list(administration), ADMINISTRATION)
        everything = {**people, **own, **administration}
        self.assertEqual(set(everything), set(COMMANDS))
        for tag, text in everything.items():
            self.check(text, "", COMMANDS[tag])
        control = {kind.__struct_config__.tag for kind in ALLOWED}
        beside = {"rooms", "delete", "revoke", "ping", "pong", "bye"}
        self.assertEqual(control - beside, set(ADMINISTRATION))

    def test_events(self) -> None:
        """Log events share five fields; the others have theirs alone."""
        text = sections("Events")
        titles = {"Log events", "Told once", "In the place of events"}
        self.assertEqual(set(text) - titles, set(EVENTS))
        (shared,) = dict(tables(text["Log events"])).values()
        for tag, kind in EVENTS.items():
            if issubclass(kind, events.LogEvent):
                self.check(text[tag], "", kind, *LOGGED)
                own = {name: fields_of(kind)[name] for name in LOGGED}
                self.assertEqual(own, shared)
            else:
                self.check(text[tag], "", kind)

    def test_answers(self) -> None:
        """Some stand with their questions."""
        text = sections("Answers")
        beside = {str(kind.__struct_config__.tag) for kind in BESIDE.values()} | LISTS
        self.assertEqual(set(text) | beside, set(ANSWERS))
        for tag in text:
            self.check(text[tag], "", ANSWERS[tag])
        asked = {**sections("Accounts"), **sections("Administration")}
        for tag, kind in BESIDE.items():
            self.check(asked[tag], "the answer", kind)

    def test_parts_of_words(self) -> None:
        """What words are made of."""
        people, told = sections("Commands"), sections("Answers")
        self.check(parts()["Coming back"], "cursor", commands.Cursor)
        self.check(people["policy"], "policy", policy.Policy)
        self.check(told["room"], "member", events.MemberEntry)
        self.check(told["rooms"], "room", events.RoomEntry)
        own, administration = sections("Accounts"), sections("Administration")
        self.check(own["tokens"], "token", accounts.TokenEntry)
        self.check(own["devices"], "device", accounts.DeviceEntry)
        self.check(administration["status"], "factory", events.FactoryEntry)
        self.check(administration["calls"], "call", events.CallEntry)
        self.check(administration["sessions"], "session", events.SessionEntry)
        self.check(administration["accounts"], "account", accounts.AccountEntry)
        self.check(administration["tickets"], "ticket", accounts.TicketEntry)

    def test_errors(self) -> None:
        """Every code, with what follows from it."""
        kinds = set(below(errors.RelayError))
        self.assertEqual(
            {
                code: (retry.strip(), fatal.strip())
                for code, retry, fatal in re.findall(
                    r"^\| `(\w+)` \|([a-z ]*)\|([a-z ]*)\|",
                    parts()["Errors"],
                    flags=re.M,
                )
            },
            {kind.code: ("retry" * kind.retry, "fatal" * kind.fatal) for kind in kinds},
        )
        named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", PAGE.read_text()))
        codes = {kind.code for kind in kinds}
        fields = {name for kind in every_struct() for name in fields_of(kind)}
        self.assertLessEqual(named, codes | fields | set(EVENTS) | OTHERS)


OTHERS = {
    "line_bytes", "text_bytes", "custom_bytes", "topic_bytes", "reason_bytes",
    "rooms_per_user",
    "flight_commands", "flight_bytes", "idle_s", "answer_s", "since_join", "no_history",
}  # fmt: skip
"""Names of limits, and values of fields."""


def below(kind: type[errors.RelayError]) -> Iterator[type[errors.RelayError]]:
    """All errors of a branch."""
    for one in kind.__subclasses__():
        if one.__module__ == errors.__name__:
            yield one
            yield from below(one)


def every_struct() -> list[type[msgspec.Struct]]:
    """All Structs whose fields the page names."""
    entries = [events.MemberEntry, events.SessionEntry, policy.Policy]
    return [*COMMANDS.values(), *EVENTS.values(), *ANSWERS.values(), *entries]


class ExampleTests(SynchronousTestCase):
    """Every line of JSON is one, on this page and all others."""

    def test_lines(self) -> None:
        """Each decodes, and is written as the relay writes it."""
        asked: Decoder[Word] = Decoder(commands.AnyCommand | accounts.AnyErrand)
        kinds = (*EVENTS.values(), *ANSWERS.values())
        texts = [block.text for block in blocks("jsonl")]
        lines = [line for text in texts for line in text.splitlines()]
        self.assertGreater(len(lines), 60)
        seen: set[type] = set()
        for line in lines:
            try:
                word = asked.decode(line.encode())
            except errors.RelayError:
                word = told(line, kinds)
                self.assertEqual(Native.form().encode(word).decode(), line + "\n")
            seen.add(type(word))
        # A ping looks the same from both sides.
        seen |= {events.Pinged, events.Ponged}
        self.assertEqual({*COMMANDS.values(), *kinds} - seen, set())

    def test_other_json(self) -> None:
        """What is no line of the protocol is JSON at least."""
        for block in blocks("json"):
            json.loads(block.text)


def told(line: str, kinds: tuple[type[Word], ...]) -> Word:
    """What the relay tells in such a line."""
    tag = json.loads(line)["type"]
    fitting = [kind for kind in kinds if kind.__struct_config__.tag == tag]
    for kind in fitting:
        try:
            word: Word = msgspec.json.decode(line, type=kind)
            return word
        except msgspec.ValidationError:
            continue
    raise AssertionError(f"{line} is no event and no answer")


class ConversationTests(RelayTestCase):
    """What a page shows is what happens."""

    def test_conversations(self) -> None:
        """Each conversation goes as it is written."""
        shown = [block.text for block in blocks("chat")]
        self.assertGreater(len(shown), 1)
        for conversation in shown:
            self.replay(conversation)

    def replay(self, block: str) -> None:
        """A conversation with a fresh relay."""
        self.setUp()
        people: dict[str, tuple[Speaker, MemoryLink]] = {}
        heard: dict[str, list[Any]] = {}
        for line in block.splitlines():
            name, mark, text = re.findall(r"^(\w+)([<>]) (.*)$", line)[0]
            if name not in people:
                people[name], heard[name] = self.open(), []
            speaker, wire = people[name]
            if mark == ">":
                speaker.dataReceived(text.encode() + b"\n")
                heard[name] += map(steady, wire.value().splitlines())
                wire.clear()
            else:
                self.assertEqual(heard[name].pop(0), steady(text.encode()))
        self.assertEqual([one for one in heard.values() if one], [])


def steady(line: bytes) -> Any:
    """A line without what differs from run to run."""
    word = json.loads(line)
    return {key: value for key, value in word.items() if key not in UNSTEADY}
