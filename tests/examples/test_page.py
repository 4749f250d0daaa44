"""``docs/examples.md``: its conversations are held, and it has every example."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.finding import DIALECT
from relaychat.testing.conversation import Conversation
from relaychat.testing.relay import Relay
from tests.docs.pages import ROOT, Block, blocks

PAGE = ROOT / "docs" / "examples.md"
CLIENT = ("relaychat.client", "relaychat.model")
NOT_SHOWN = {"__init__.py", "names", "proxy", "systemd"}
"""Configurations of other programs, which have pages of their own."""


class PageTests(SynchronousTestCase):
    """What the page shows."""

    def test_conversations(self) -> None:
        """Who says this is told that. The comment before a conversation names its
        dialect, and others that are spoken in it."""
        scripts = list(blocks("conversation"))
        for script in scripts:
            self.converse(script)
        self.assertGreaterEqual(len(scripts), 4)

    def converse(self, script: Block) -> None:
        dialects = [DIALECT.find(name) for name in script.note.split()]
        named = {one.name: one for one in dialects}
        relay = Relay()
        try:
            Conversation(relay, dialects[0], named).run(script.text)
        except AssertionError as error:
            self.fail(f"{script.place}: {error}")
        self.assertEqual(relay.bugs, [])

    def test_imports(self) -> None:
        """An extension imports relaychat.extend and nothing else of the relay; a
        program the client library, and the words that it speaks."""
        wrong = {}
        for path in (ROOT / "examples").rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found = set(re.findall(r"^(?:from|import) (relaychat[\w.]*)", text, re.M))
            program = all(one.startswith(CLIENT) for one in found)
            if found and found != {"relaychat.extend"} and not program:
                wrong[path.name] = found
        self.assertEqual(wrong, {})

    def test_every_example(self) -> None:
        """Whatever lies under examples/ is on the page."""
        page = PAGE.read_text(encoding="utf-8")
        missing = [
            one.name
            for one in (ROOT / "examples").iterdir()
            if one.name not in NOT_SHOWN and not one.name.startswith("__")
            and f"examples/{one.name}" not in page
        ]  # fmt: skip
        self.assertEqual(missing, [])
