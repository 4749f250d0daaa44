"""Events of kinds of one's own: in the log like all others."""

from __future__ import annotations

import json
from typing import Any

from relaychat.hub.hooks import Verdict
from relaychat.model.commands import Custom, History, Redact, Say, SetPolicy
from relaychat.model.policy import PolicyChange
from relaychat.session.irc.dialect import Irc
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import RelayTestCase, Speaker

DEVICE = "0123456789abcdef0123456789abcdef"
ORDER = {"cups": 2, "with": ["milk", None, 0.5]}


class CustomTests(RelayTestCase):
    """Ann and Bob are natively in a room, and Cid by IRC."""

    def setUp(self) -> None:
        """Let them in."""
        super().setUp()
        self.ann, self.ann_wire = self.connect("ann", "#tea")
        self.bob, self.bob_wire = self.connect("bob", "#tea")
        self.cid, self.cid_wire = self.connect("cid", "#tea", dialect=Irc)
        for wire in (self.ann_wire, self.bob_wire, self.cid_wire):
            wire.clear()

    def told(self, wire: MemoryLink) -> list[dict[str, Any]]:
        """The native words since the last look."""
        lines = wire.value().splitlines()
        wire.clear()
        return [json.loads(line) for line in lines]

    def ask(self, speaker: Speaker, wire: MemoryLink, **word: Any) -> dict[str, Any]:
        """The answer to a native word."""
        wire.clear()
        speaker.dataReceived(json.dumps(word).encode() + b"\n")
        return self.told(wire)[-1]

    def order(self, **more: Any) -> dict[str, Any]:
        """Ann orders something."""
        word = {"room": "#tea", "kind": "tea/order", "value": ORDER, **more}
        return self.ask(self.ann, self.ann_wire, type="custom", **word)

    def test_told(self) -> None:
        """Natively everybody is shown it as it is; IRC is not, and goes on."""
        answer = self.order()
        self.assertEqual((answer["type"], answer["seq"]), ("ok", 4))
        [event] = self.told(self.bob_wire)
        self.assertEqual(
            (event["type"], event["seq"], event["sender"]), ("custom", 4, "ann")
        )
        self.assertEqual((event["kind"], event["value"]), ("tea/order", ORDER))
        self.assertEqual(self.cid_wire.value(), b"")
        self.ann.say(Say("#tea", "tea"))
        self.assertIn(b"PRIVMSG #tea :tea\r\n", self.cid_wire.value())

    def test_direct(self) -> None:
        """To somebody, too, also as the first word between them."""
        self.assertEqual(self.order(room="@bob")["type"], "ok")
        self.assertEqual(self.told(self.bob_wire)[-1]["value"], ORDER)

    def test_history(self) -> None:
        """It is in the log, as it was."""
        self.order()
        self.bob.say(History("#tea", after=3))
        page = self.told(self.bob_wire)[-1]
        self.assertEqual([one["value"] for one in page["events"]], [ORDER])

    def test_once(self) -> None:
        """A client id makes a resend harmless; another value under it is refused."""
        speaker, wire = self.open()
        self.ask(speaker, wire, type="hello", nick="dan", device=DEVICE)
        self.ask(speaker, wire, type="join", room="#tea")
        word = {"type": "custom", "room": "#tea", "kind": "tea/order", "cid": 1}
        first = self.ask(speaker, wire, **word, value=ORDER)
        again = self.ask(speaker, wire, **word, value=ORDER)
        self.assertEqual((first["seq"], again["seq"]), (5, 5))
        self.assertTrue(again["duplicate"])
        other = self.ask(speaker, wire, **word, value=1)
        self.assertEqual(other["code"], "cid_reused")

    def test_rules(self) -> None:
        """Who may not speak may not do this; outside there is nothing to do."""
        self.ann.say(SetPolicy("#tea", PolicyChange(moderated=True)))
        for room, code in (("#tea", "cannot_speak"), ("#milk", "no_such_room")):
            word = {"room": room, "kind": "a/b", "value": 1}
            answer = self.ask(self.bob, self.bob_wire, type="custom", **word)
            self.assertEqual(answer["code"], code)

    def test_bounds(self) -> None:
        """What is too long, too deep or of no kind is refused, and nothing is kept."""
        for more, code in (
            ({"value": "x" * 4095}, "too_long"),
            ({"value": 2**53}, "bad_text"),
            ({"kind": "order"}, "bad_syntax"),
        ):
            self.assertEqual(self.order(**more)["code"], code)
        self.assertEqual(self.order(value="x" * 4094)["seq"], 4)

    def test_of_a_dialect(self) -> None:
        """What a dialect of somebody's own asks for is checked as well."""
        self.ann.say(Custom("#tea", "Order", 1), Custom("#tea", "a/b", {1, 2}))
        codes = [one["code"] for one in self.told(self.ann_wire)]
        self.assertEqual(codes, ["bad_name", "bad_text"])

    def test_hooks(self) -> None:
        """Hooks are asked before it, as before a message."""

        def no(user: Any, room: Any, event: Any) -> Verdict:
            return Verdict.DENY if event.value == ORDER else Verdict.PASS

        self.relay.hub.house.hooks.before_say.append(no)
        self.assertEqual(self.order()["code"], "denied")
        self.assertEqual(self.order(value=1)["type"], "ok")

    def test_redacted(self) -> None:
        """Its value can be taken out of the log; an edit has no meaning."""
        self.order()
        word = {"room": "#tea", "seq": 4, "text": "no"}
        answer = self.ask(self.ann, self.ann_wire, type="edit", **word)
        self.assertEqual(answer["code"], "no_such_message")
        self.ann.say(Redact("#tea", 4), History("#tea", after=3))
        [blank, _] = self.told(self.ann_wire)[-1]["events"]
        self.assertEqual((blank["value"], blank["redacted"]), (None, True))
