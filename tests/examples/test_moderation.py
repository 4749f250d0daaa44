"""The house's rules for phrases and links, in a relay and by themselves."""

from __future__ import annotations

import time
from typing import Any

from twisted.logger import globalLogPublisher

from examples.moderation import Moderation, Rules, moderation
from relaychat.testing.relay import RelayTestCase


class ModerationTests(RelayTestCase):
    """A relay with the hook; what it writes into the log."""

    def setUp(self) -> None:
        """A guest, and somebody with an account, in one room."""
        super().setUp()
        self.logged: list[dict[str, Any]] = []
        observe: Any = self.logged.append
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def moderate(self, **rules: Any) -> Moderation:
        """The hook with these rules."""
        return self.use(Moderation, Rules(**rules))

    def say(self, text: str) -> str:
        """What a guest is answered."""
        ann, wire = self.connect("ann", "#tea")
        ann.dataReceived(f'{{"type":"send","room":"#tea","text":"{text}"}}\n'.encode())
        ann.connectionLost()
        return wire.value().decode()

    def notes(self) -> list[str]:
        """What was noted."""
        kept, self.logged[:] = list(self.logged), []
        return [one["why"] for one in kept if "why" in one]

    def test_denied(self) -> None:
        """What is denied is refused with the reason, and nothing is kept."""
        self.moderate(denied=("free crypto",))
        self.assertIn(
            '"denied","text":"this is not said here"', self.say("FREE crypto!")
        )
        self.assertNotIn("denied", self.say("crypto-free"))
        self.assertEqual(self.notes(), [])

    def test_edits_and_reactions(self) -> None:
        """What could not be said can't come in by an edit, a reaction or an event of
        some kind."""
        self.moderate(denied=("crypto",))
        ann, wire = self.connect("ann", "#tea")
        ann.dataReceived(
            b'{"type":"send","room":"#tea","text":"x"}\n'
            b'{"type":"edit","room":"#tea","seq":2,"text":"crypto"}\n'
            b'{"type":"react","room":"#tea","seq":2,"reaction":"crypto"}\n'
            b'{"type":"custom","room":"#tea","kind":"a/b","value":["crypto"]}\n'
        )
        self.assertEqual(wire.value().count(b'"denied"'), 3)

    def test_warned(self) -> None:
        """What is warned of is kept and noted, without its text."""
        self.moderate(warned=("my password is",))
        self.assertIn('"type":"ok"', self.say("My password is: 1234"))
        self.assertNotIn("1234", str(self.logged[-1]["log_format"]))
        self.assertEqual(self.notes(), ["a phrase to look at"])

    def test_dry_run(self) -> None:
        """A dry run denies nothing, and notes what it would."""
        self.moderate(denied=("crypto",), dry_run=True)
        self.assertIn('"type":"ok"', self.say("crypto"))
        self.assertEqual(self.notes(), ["this is not said here"])

    def test_links(self) -> None:
        """Guests set no links but trusted ones; nobody sets too many."""
        rules = self.moderate(trusted=("example.org",), most_links=2)
        guests = "only who has an account may set links here"
        many = "a message has at most 2 links here"
        for text, account, why in [
            ("no link: example.com", None, ""),
            ("see http://x.test", None, guests),
            ("see WWW.x.test", None, guests),
            ("see https://example.org/a?b", None, ""),
            ("see https://a.Example.org:443/", None, ""),
            ("see www.example.org", None, ""),
            ("see https://notexample.org", None, guests),
            ("see https://example.org.x.test", None, guests),
            ("see https://example.org@x.test", None, guests),
            ("see https://x.test\\@example.org", None, guests),
            ("see http://[", None, guests),
            ("http://a.test http://b.test http://example.org", "ann", ""),
            ("http://a.test http://b.test http://c.test", "ann", many),
        ]:
            self.assertEqual(rules.denied(text, account), why, text)
        self.assertEqual(
            self.moderate(guests_link=True).denied("http://a.test", None), ""
        )

    def test_ways_to_write(self) -> None:
        """Capitals, wide letters, signs and invisible characters hide nothing; a part
        of a word is another word."""
        rules = self.moderate(denied=("Scunthorpe", "buy now"))
        for text in (
            "SCUNTHORPE",
            "ｓcunthorpe",
            "scun\u200bthorpe",
            "buy, now",
            "buy\nnow",
        ):
            self.assertTrue(rules.denied(text, None), text)
        for text in ("scunthorpes", "now buy", "buynow", ""):
            self.assertFalse(rules.denied(text, None), text)

    def test_linear(self) -> None:
        """Eight times the text takes eight times as long, not sixty-four."""
        rules = self.moderate(denied=("a a a a a b",), warned=("http",))
        for unit in ("a ", "http://", "www.", "\u200b", "a"):
            took = []
            for size in (20_000, 160_000):
                start = time.perf_counter()
                rules.denied(unit * (size // len(unit)), "ann")
                took.append(time.perf_counter() - start)
            self.assertLess(took[1], 32 * took[0] + 0.05, unit)

    def test_is_announced(self) -> None:
        """The plugin carries the hook's name."""
        self.assertEqual(
            (moderation.name, moderation.found), ("moderation", Moderation)
        )
