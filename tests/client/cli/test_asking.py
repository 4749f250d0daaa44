"""What commands ask a person for."""

from __future__ import annotations

import getpass
import time
import warnings

import click
from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli.asking import moment, seconds
from relaychat.client.cli.command import main

CONTEXT = click.Context(main)
OPTION = click.Option(["--since"])


class AskingTests(SynchronousTestCase):
    """Passwords and times."""

    def test_seconds(self) -> None:
        """A number and a unit, and nothing else."""
        self.assertEqual(seconds(CONTEXT, OPTION, "2h"), 7200)
        self.assertEqual(seconds(CONTEXT, OPTION, "4w"), 4 * 7 * 86_400)
        self.assertIsNone(seconds(CONTEXT, OPTION, None))
        for wrong in ("h", "0h", "2x", "2", "-2h", "2026-01-31"):
            self.assertRaises(click.BadParameter, seconds, CONTEXT, OPTION, wrong)

    def test_moments(self) -> None:
        """A day, a time of a day, or how long ago."""
        self.patch(time, "time", lambda: 10_000.5)
        self.assertEqual(moment(CONTEXT, OPTION, "2h"), 2_800_500)
        self.assertEqual(moment(CONTEXT, OPTION, "1970-01-02T00:00+00:00"), 86_400_000)
        self.assertIsNone(moment(CONTEXT, OPTION, None))
        for wrong in ("yesterday", "2x", ""):
            self.assertRaises(click.BadParameter, moment, CONTEXT, OPTION, wrong)

    def test_long_ago(self) -> None:
        """Before 1970 nothing was said, so whatever is earlier is the log's beginning;
        a server takes no other."""
        for early in ("999999999w", "1960-01-01"):
            self.assertEqual(moment(CONTEXT, OPTION, early), 0)

    def test_no_terminal(self) -> None:
        """Where no password can be typed unseen, none is asked for, and it is said what
        else there is."""

        def nowhere(prompt: str) -> str:
            warnings.warn("can't", getpass.GetPassWarning, stacklevel=2)
            raise AssertionError("asked all the same")

        self.patch(getpass, "getpass", nowhere)
        done = CliRunner().invoke(main, ["send", "#tea", "x", "--login"])
        self.assertEqual(done.exit_code, 2)
        self.assertIn("--password-file", done.output)
