"""The bots under examples/, run by the command beside a real relay."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from tests.integration.client import ROOM, ClientCase

BOTS = Path(__file__).parent.parent.parent / "examples" / "bots"


class BotTests(ClientCase):
    def ask(self, text: str, *words: str, login: bool = True) -> str:
        """What the bot says when ann, or a guest who comes in, says ``text``."""
        self.account("bert")
        bot = self.start(
            "bot", "--room", ROOM, "--nick", "bert", "--start-s", "30", *words
        )
        reader = self.start("tail", ROOM, "--json", "--after", "0")
        assert reader.stdout is not None
        inside = set()
        for line in reader.stdout:
            word = json.loads(line)
            if word["type"] == "joined":
                inside.add(word["sender"])
                if inside == {"ann", "bert"}:
                    self.output("send", ROOM, text, login=login, name="cara")
            # It may greet the one who listens as well.
            said = word["type"] == "said" and word["sender"] == "bert"
            if said and "ann" not in word["text"]:
                bot.terminate()
                bot.wait(30)
                return str(word["text"])
        raise AssertionError("the bot said nothing")

    def test_python(self) -> None:
        """Dice are rolled."""
        text = self.ask("!roll 1d1", "--", sys.executable, str(BOTS / "dice.py"))
        self.assertEqual(text, "1 = 1")

    def test_bash(self) -> None:
        """The uptime is told."""
        text = self.ask("!uptime", "--", "bash", str(BOTS / "uptime.sh"))
        self.assertRegex(text, "^up for [0-9]+ minutes$")

    def test_javascript(self) -> None:
        """Who joins is greeted."""
        if shutil.which("node") is None:
            self.skipTest("there is no node here")
        words = ("--memory", "0", "--", "node", str(BOTS / "greet.mjs"))
        self.assertEqual(self.ask("hi", *words, login=False), "Welcome, cara!")

    def test_short(self) -> None:
        """They are as short as they are said to be."""
        for path in BOTS.iterdir():
            lines = path.read_text().splitlines()
            self.assertLess(len(lines), 30, path)
