"""The native dialect in whole conversations: bytes in, bytes out."""

from __future__ import annotations

import json
from typing import Any

from relaychat.model import commands, events
from relaychat.session.native import EXAMPLE, Native
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import RelayTestCase, Speaker

Told = dict[str, Any]
DEVICE = "0123456789abcdef" * 2


class ConversationCase(RelayTestCase):
    """Conversations in Python's words, for what is not about bytes."""

    def ask(self, speaker: Speaker, wire: MemoryLink, **command: Any) -> list[Told]:
        """Say this, and return all that was told since, as objects."""
        wire.clear()
        speaker.dataReceived(json.dumps(command).encode() + b"\n")
        return self.told(wire)

    def told(self, wire: MemoryLink) -> list[Told]:
        """All that was told, as objects."""
        lines = wire.value().splitlines(keepends=True)
        self.assertTrue(all(line.endswith(b"\n") for line in lines))
        return [json.loads(line) for line in lines]

    def codes(self, speaker: Speaker, wire: MemoryLink, data: bytes) -> list[str]:
        """The codes of the errors that answer these bytes."""
        wire.clear()
        speaker.dataReceived(data)
        return [str(word.get("code", word["type"])) for word in self.told(wire)]


class HelloTests(ConversationCase):
    """Coming in."""

    def test_guest(self) -> None:
        """A nick is enough; the welcome says who and where one is, and the limits."""
        ann, wire = self.open()
        (welcome,) = self.ask(ann, wire, type="hello", nick="ann", id="h")
        limits = welcome.pop("limits")
        self.assertEqual(
            welcome,
            {
                "type": "welcome",
                "nick": "ann",
                "server": "relay.test",
                "software": welcome["software"],
                "version": 1,
                "id": "h",
            },
        )
        self.assertEqual(limits["line_bytes"], 65536)
        self.assertEqual((limits["idle_s"], limits["answer_s"]), (15, 15))
        self.assertEqual(limits["flight_commands"], 256)
        self.assertEqual(limits["text_bytes"], 32768)

    def test_account(self) -> None:
        """With a password one is the account, under the name it was registered by."""
        self.relay.account("Ann", "pw")
        ann, wire = self.open()
        (error,) = self.ask(ann, wire, type="hello", nick="ann", password="no", id=1)
        self.assertEqual(
            error,
            {
                "type": "error",
                "code": "login_failed",
                "text": "wrong name or password",
                "command": "hello",
                "id": 1,
            },
        )
        (welcome,) = self.ask(ann, wire, type="hello", nick="ann", password="pw")
        self.assertEqual((welcome["nick"], welcome["account"]), ("Ann", "Ann"))

    def test_out_of_order(self) -> None:
        """Before hello one is asked for it; after it, it has been said."""
        ann, wire = self.open()
        (early,) = self.ask(ann, wire, type="join", room="#tea")
        self.assertEqual(early["text"], "say hello first")
        self.ask(ann, wire, type="hello", nick="ann")
        (again,) = self.ask(ann, wire, type="hello", nick="ann")
        self.assertEqual(again["code"], "out_of_order")
        self.assertEqual(again["text"], "you said hello already")

    def test_rooms_begin_with_a_sign(self) -> None:
        """Who forgets the sign of a room's name is told of it."""
        ann, wire = self.connect("ann", "#tea")
        for command in ({"type": "join"}, {"type": "send", "text": "x"}):
            (error,) = self.ask(ann, wire, room="tea", **command)
            self.assertIn("with #", error["text"])

    def test_device(self) -> None:
        """A device has client ids: a resend is answered with the first answer, also
        over another connection, and the welcome says how far it was."""
        ann, wire = self.open()
        hello = {"type": "hello", "nick": "ann", "device": DEVICE}
        self.relay.window_s = 60
        self.ask(ann, wire, **hello)
        self.ask(ann, wire, type="join", room="#tea")
        send = {"type": "send", "room": "#tea", "text": "once", "cid": 7}
        *_, first = self.ask(ann, wire, **send)
        self.assertEqual(first, {"type": "ok", "room": "#tea", "seq": 2, "cid": 7})
        (again,) = self.ask(ann, wire, **send)
        self.assertEqual(again, first | {"duplicate": True})
        (reused,) = self.ask(ann, wire, **send | {"text": "other"})
        self.assertEqual((reused["code"], reused["cid"]), ("cid_reused", 7))
        ann.connectionLost()
        ann, wire = self.open()
        welcome, *_ = self.ask(ann, wire, **hello)
        self.assertEqual(welcome["cid"], 7)
        (again,) = self.ask(ann, wire, **send)
        self.assertEqual(again, first | {"duplicate": True})

    def test_resume(self) -> None:
        """What was missed comes as it was, then all is live."""
        self.relay.window_s = 60
        ann, wire = self.open()
        hello = {"type": "hello", "nick": "ann", "device": DEVICE}
        self.ask(ann, wire, **hello)
        *_, room = self.ask(ann, wire, type="join", room="#tea")
        bob, bob_wire = self.connect("bob", "#tea")
        ann.connectionLost()
        for number in range(3):
            self.ask(bob, bob_wire, type="send", room="#tea", text=str(number))
        ann, wire = self.open()
        cursor = {"epoch": room["epoch"], "seq": room["seq"]}
        told = self.ask(ann, wire, **hello, resume={"#tea": cursor}, id=1)
        self.assertEqual(
            [word["type"] for word in told],
            ["welcome", "room", "joined", "said", "said", "said", "resumed"],
        )
        self.assertEqual([word["seq"] for word in told[2:6]], [2, 3, 4, 5])
        self.assertEqual(told[-1], {"type": "resumed", "rooms": ["#tea"], "id": 1})


class WordsTests(ConversationCase):
    """Every command that a person may use, and what it is answered with."""

    def setUp(self) -> None:
        """Ann runs #tea, Bob is in it."""
        super().setUp()
        self.ann, self.wire = self.connect("ann", "#tea")
        self.bob, self.bob_wire = self.connect("bob", "#tea")

    def said(self, **command: Any) -> tuple[list[Told], list[Told]]:
        """What Ann is answered, and what Bob hears of it."""
        self.bob_wire.clear()
        answers = self.ask(self.ann, self.wire, **command, id=1)
        answers = [word for word in answers if word.get("id") == 1]
        for word in answers:
            del word["id"]
        heard = self.told(self.bob_wire)
        for word in heard:
            word.pop("at", None)
            word.pop("sender", None)
        return answers, heard

    def check(self, answer: Told, *heard: Told, **command: Any) -> None:
        """Ann is answered with this, Bob hears that."""
        self.assertEqual(self.said(**command), ([answer], list(heard)))

    def test_messages(self) -> None:
        """Say, edit, react, redact."""
        self.check(
            {"type": "ok", "room": "#tea", "seq": 3},
            {"type": "said", "room": "#tea", "seq": 3, "text": "hi", "kind": "action"},
            type="send", room="#tea", text="hi", kind="action",
        )  # fmt: skip
        self.check(
            {"type": "ok", "room": "#tea", "seq": 4},
            {"type": "edited", "room": "#tea", "seq": 4, "target": 3, "text": "ho"},
            type="edit", room="#tea", seq=3, text="ho",
        )  # fmt: skip
        self.check(
            {"type": "ok", "room": "#tea", "seq": 5},
            {
                "type": "reacted", "room": "#tea", "seq": 5,
                "target": 3, "reaction": "+1",
            },
            type="react", room="#tea", seq=3, reaction="+1",
        )  # fmt: skip
        self.check(
            {"type": "ok", "room": "#tea", "seq": 6},
            {"type": "redacted", "room": "#tea", "seq": 6, "target": 3},
            type="redact", room="#tea", seq=3,
        )  # fmt: skip

    def test_direct(self) -> None:
        """A message to somebody makes the room of the two."""
        answers, heard = self.said(type="send", room="@bob", text="psst")
        self.assertEqual([answer["type"] for answer in answers], ["ok"])
        shown, said = heard
        self.assertEqual((shown["type"], shown["direct"]), ("room", "ann"))
        self.assertEqual((said["text"], said["to"]), ("psst", "bob"))

    def test_room(self) -> None:
        """Topic, role, policy, invitation, kick, ban."""
        self.check(
            {"type": "ok", "room": "#tea", "seq": 3},
            {"type": "topic_set", "room": "#tea", "seq": 3, "text": "leaves"},
            type="topic", room="#tea", text="leaves",
        )  # fmt: skip
        self.check(
            {"type": "ok", "room": "#tea", "seq": 4},
            {
                "type": "role_set", "room": "#tea", "seq": 4,
                "nick": "bob", "role": "voice",
            },
            type="role", room="#tea", nick="bob", role="voice",
        )  # fmt: skip
        self.check(
            {"type": "ok", "room": "#tea", "seq": 5},
            {
                "type": "policy_set", "room": "#tea", "seq": 5,
                "policy": {"invite_only": True},
            },
            type="policy", room="#tea", policy={"invite_only": True},
        )  # fmt: skip
        self.connect("eve")
        self.check(
            {"type": "ok", "room": "#tea", "seq": 6},
            {"type": "invited", "room": "#tea", "seq": 6, "nick": "eve"},
            type="invite", room="#tea", nick="eve",
        )  # fmt: skip
        self.check(
            {"type": "ok", "room": "#tea", "seq": 7},
            {"type": "ban_set", "room": "#tea", "seq": 7, "mask": "mallory!*@*"},
            type="ban", room="#tea", mask="mallory",
        )  # fmt: skip
        self.check(
            {"type": "ok", "room": "#tea", "seq": 8},
            {
                "type": "kicked", "room": "#tea", "seq": 8,
                "nick": "bob", "reason": "cold",
            },
            type="kick", room="#tea", nick="bob", reason="cold",
        )  # fmt: skip

    def test_people(self) -> None:
        """Nick, away, typing, a read marker, part."""
        answers, heard = self.said(type="nick", nick="anna")
        self.assertEqual(answers, [{"type": "ok"}])
        (renamed,) = heard
        del renamed["occurrence"]
        self.assertEqual(
            renamed, {"type": "renamed", "room": "#tea", "seq": 3, "nick": "anna"}
        )
        self.check(
            {"type": "ok"},
            {"type": "away", "nick": "anna", "text": "tea"},
            type="away", text="tea",
        )  # fmt: skip
        self.check(
            {"type": "ok", "room": "#tea"},
            {"type": "typing", "room": "#tea"},
            type="typing", room="#tea",
        )  # fmt: skip
        self.check(
            {"type": "marked", "room": "#tea", "seq": 2},
            type="mark", room="#tea", seq=2,
        )  # fmt: skip
        self.check(
            {"type": "ok", "room": "#tea", "seq": 4},
            {"type": "left", "room": "#tea", "seq": 4},
            type="part", room="#tea",
        )  # fmt: skip

    def test_questions(self) -> None:
        """Rooms, members, who, history; a ping behind them."""
        for command, key, value in (
            ({"type": "rooms"}, "rooms", [
                {"room": "#tea", "members": 2, "joined": True, "seq": 2}
            ]),
            ({"type": "members", "room": "#tea", "after": "ann"}, "members", [
                {"nick": "bob"}
            ]),
            ({"type": "who", "nick": "bob"}, "rooms", ["#tea"]),
            ({"type": "ping", "token": "t"}, "token", "t"),
        ):  # fmt: skip
            (answer,), _ = self.said(**command)
            self.assertEqual(answer[key], value)
        (page,), _ = self.said(type="history", room="#tea", before=2)
        self.assertEqual([event["type"] for event in page["events"]], ["joined"])

    def test_quit_is_shown_by_room(self) -> None:
        """A quit is each room's log event; the user event is not told besides."""
        answers = self.ask(self.bob, self.bob_wire, type="bye", reason="bed")
        self.assertEqual(answers, [{"type": "bye", "code": "bye", "text": "bed"}])
        *_, left = self.told(self.wire)
        self.assertEqual(
            (left["type"], left["cause"], left["reason"]), ("left", "quit", "bed")
        )


class BadInputTests(ConversationCase):
    """An error with its code; the connection lives; nothing is lost."""

    def setUp(self) -> None:
        """Ann is in #tea."""
        super().setUp()
        self.ann, self.wire = self.connect("ann", "#tea")

    def refused(self, data: bytes, code: str = "bad_syntax") -> None:
        """These bytes are refused with this code, and what comes behind them is not."""
        told = self.codes(self.ann, self.wire, data + b'\n{"type":"ping"}\n')
        self.assertEqual(told, [code, "pong"], data[:80])

    def test_not_json(self) -> None:
        """Broken JSON of all kinds."""
        for data in (
            b"hello", b"{", b"{}", b"[]", b"[1]", b"5", b'"x"', b"null", b"\x00",
            b'{"type":"ping"} x', b"\xef\xbb\xbf{}", b'{"type":"ping",}',
            b"{'type':'ping'}", b'{"type":NaN}', b'{"type":"ping","id":Infinity}',
        ):  # fmt: skip
            self.refused(data)

    def test_broken_text(self) -> None:
        """Broken UTF-8, lone surrogates, control characters that are not escaped."""
        start, end = b'{"type":"send","room":"#tea","text":"', b'"}'
        for text in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\\ud800", b"\\udc00"):
            self.refused(start + text + end, "bad_text")
            self.refused(start + text + b"\\u0041" + end, "bad_text")
        self.refused(start + b"a\x01b" + end)
        self.refused(start + b"a\tb" + end)

    def test_texts_that_a_message_may_not_hold(self) -> None:
        """NUL, CR, and nothing but line feeds."""
        for text in (b"\\u0000", b"a\\rb", b"\\n", b""):
            self.refused(
                b'{"type":"send","room":"#tea","text":"' + text + b'"}', "bad_text"
            )

    def test_nesting(self) -> None:
        """Deep nesting, in place of anything."""
        deep = b"[" * 30_000
        for data in (
            deep,
            b'{"type":' + deep,
            b'{"id":' + deep + b"]" * 30_000 + b',"type":"ping"}',
            b'{"type":"send","room":"#tea","text":"x","zap":' + deep,
            b'{"type":"hello","nick":"a","resume":' + b'{"a":' * 9_000,
        ):
            self.refused(data)

    def test_wrong_types(self) -> None:
        """Wrong types, missing and unknown fields, numbers out of range."""
        for data in (
            b'{"type":5}',
            b'{"room":"#tea"}',
            b'{"type":"send","room":"#tea"}',
            b'{"type":"send","room":5,"text":"x"}',
            b'{"type":"send","room":"#tea","text":"x","zap":1}',
            b'{"type":"send","room":"#tea","text":"x","cid":0}',
            b'{"type":"send","room":"#tea","text":"x","cid":1.5}',
            b'{"type":"send","room":"#tea","text":"x","cid":9007199254740992}',
            b'{"type":"send","room":"#tea","text":"x","cid":1e400}',
            b'{"type":"send","room":"#tea","text":"x","kind":"shout"}',
            b'{"type":"history","room":"#tea","limit":0}',
            b'{"type":"history","room":"#tea","limit":1001}',
            b'{"type":"ping","id":true}',
            b'{"type":"ping","id":9007199254740992}',
            b'{"type":"hello","nick":"x","device":"short"}',
            b'{"type":"policy","room":"#tea","policy":{"colour":"red"}}',
            b'{"type":"role","room":"#tea","nick":"ann","role":"king"}',
        ):
            self.refused(data)

    def test_unknown_command(self) -> None:
        """A word that nobody knows; those of the relay's own are not known either."""
        for tag in (b"fly", b"enter", b"reflect", b"rendered", b"said", b""):
            self.refused(b'{"type":"' + tag + b'"}', "unknown_command")

    def test_too_long(self) -> None:
        """A line longer than the limit is skipped to its end."""
        self.refused(b" " * 65_537, "too_long")
        self.refused(b"x" * 200_000, "too_long")

    def test_what_was_asked_is_told(self) -> None:
        """The error carries the id, the type and the cid, where they could be read."""
        for data, answer in (
            (b'{"type":"fly","id":1}', {"command": "fly", "id": 1}),
            (
                b'{"type":"send","room":5,"cid":3,"id":"a"}',
                {"command": "send", "cid": 3, "id": "a"},
            ),
            (b'{"type":"send","id":[1],"cid":-3}', {"command": "send"}),
            (b'{"type":7,"id":true,"cid":"x"}', {}),
            (b'{"type":"ping","id":"' + b"x" * 65 + b'"}', {"command": "ping"}),
        ):
            self.wire.clear()
            self.ann.dataReceived(data + b"\n")
            (error,) = self.told(self.wire)
            for key in ("type", "code", "text", "about"):
                error.pop(key, None)
            self.assertEqual(error, answer)

    def test_person_with_netcat(self) -> None:
        """Before hello, who does not speak JSON is shown a line that works."""
        eve, wire = self.open()
        eve.dataReceived(b"hello?\r\n\r\n[1]\n")
        first, second = self.told(wire)
        self.assertTrue(first["text"].startswith("this is not JSON: "))
        self.assertTrue(first["text"].endswith(f"; say for example {EXAMPLE}"))
        self.assertIn(EXAMPLE, second["text"])
        (welcome,) = self.ask(eve, wire, **json.loads(EXAMPLE) | {"nick": "eve"})
        self.assertEqual(welcome["type"], "welcome")

    def test_duplicate_keys(self) -> None:
        """The last one wins, and only what it says travels."""
        self.ann.dataReceived(
            b'{"type":"send","room":"#milk","room":"#tea","text":"a","text":"b"}\n'
        )
        said, _ = self.told(self.wire)
        self.assertEqual((said["room"], said["text"]), ("#tea", "b"))

    def test_many_lines_in_one_segment(self) -> None:
        """A flood in one piece is answered line by line, in order."""
        data = b"".join(
            [
                b'{"type":"send","room":"#tea","text":"x","id":%d}\n' % n
                for n in range(900)
            ]
        )
        self.ann.dataReceived(data)
        told = [word["id"] for word in self.told(self.wire) if "id" in word]
        self.assertEqual(told, list(range(900)))


class FormTests(RelayTestCase):
    """What native readers are shown."""

    def test_log_events_are_their_stored_bodies(self) -> None:
        """One encode serves the log and the readers: they are the same bytes."""
        _, wire = self.connect("bob", "#tea")
        ann, _ = self.connect("ann", "#tea")
        wire.clear()
        ann.say(commands.Say("#tea", "naïve ☕"))
        (row,) = self.relay.store.committed[-1].rows
        self.assertEqual(wire.value(), row.body + b"\n")

    def test_user_events(self) -> None:
        """A quit and a rename are shown by their log events alone."""
        form = Native.form()
        self.assertEqual(form.render(events.UserQuit("ann")), b"")
        self.assertEqual(form.render(events.UserRenamed("ann", "anna")), b"")
        self.assertEqual(
            form.render(events.UserAway("ann")), b'{"type":"away","nick":"ann"}\n'
        )
        share = events.Left("#tea", 1, 2, "ann", cause="quit", occurrence="f")
        self.assertEqual(form.render(share), form.replay(share))
        self.assertIn(b'"occurrence":"f"', form.render(share))
