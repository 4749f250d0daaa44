"""Simulations of a user's own relay: its configuration, hooks and dialects."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import TestCase

from relaychat.app.extensions import CannotBuild
from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.run import Result, run
from tests.testing.simulation import house

CONFIG = """
[[listen]]
dialect = "native"
endpoint = "unix:{data}/native.sock"

[[listen]]
dialect = "irc"
endpoint = "tcp:6697"
tls = "default"

[[listen]]
dialect = "examples.shout:Shout"
endpoint = "tcp:7000"
"""
HOOKS = """
[hooks]
before_say = ["tests.testing.simulation.house:before"]
after_events = ["tests.testing.simulation.house:after"]
"""


class OwnConfigurationTests(TestCase):
    """``Options.config``."""

    def simulate(self, config: str) -> Result:
        """A minute of the relay of this configuration."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "my.toml"
        path.write_text(config)
        result = run(5, Options(minutes=1, config=str(path)))
        self.assertEqual(os.listdir(folder), ["my.toml"])
        return result

    def test_doors_and_hooks(self) -> None:
        """People come in by each door, a dialect of one's own too, and hooks have their
        say. Nothing is written anywhere."""
        result = self.simulate(CONFIG + HOOKS)
        self.assertEqual(result.text, "")
        self.assertGreater(result.figures["lines of other dialects"], 20)
        self.assertGreater(result.figures["refused"], 10)
        self.assertTrue([one for one in house.told if one.sender == "zed0"])
        texts = [getattr(one, "text", "") for one in house.told]
        self.assertFalse([text for text in texts if ".2" in text])

    def test_broken_hook(self) -> None:
        """A hook that raises is found."""
        result = self.simulate(CONFIG + HOOKS.replace("house:before", "house:broken"))
        self.assertIn("LookupError: nobody wrote this", result.text)

    def test_no_guests(self) -> None:
        """Where guests are not let in, everybody has an account."""
        result = self.simulate(CONFIG + "[accounts]\nguests = false\n")
        self.assertEqual(result.text, "")
        self.assertGreater(result.figures["acknowledged"], 100)

    def test_nobody_can_come_in(self) -> None:
        """A relay without a door that clients know can't be simulated."""
        with self.assertRaises(CannotBuild):
            self.simulate('[[listen]]\ndialect = "control"\nendpoint = "tcp:1"\n')
        with self.assertRaises(CannotBuild):
            self.simulate('[[listen]]\ndialect = "none"\nendpoint = "tcp:1"\n')
