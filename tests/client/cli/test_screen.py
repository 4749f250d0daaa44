"""What a chat writes on a terminal, and what under a pipe."""

from __future__ import annotations

import io
import os
import sys
from datetime import datetime

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli import output
from relaychat.client.cli.screen import (
    OVER_THE_LAST_LINE,
    SETTLED_S,
    Screen,
    rewrites,
)
from relaychat.model.events import Said, UserPresence

NOON = datetime(2026, 11, 29, 12, 0).timestamp()
BOB = {True: UserPresence("bob", online=True), False: UserPresence("bob", online=False)}


def said(text: str, at_s: float = NOON) -> Said:
    """Ann has said something."""
    return Said("#tea", 1, int(at_s * 1000), "ann", text=text)


class ScreenTests(SynchronousTestCase):
    """A screen at noon of a Sunday."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOON)
        self.written = io.BytesIO()
        self.patch(sys, "stdout", io.TextIOWrapper(self.written))
        self.patch(sys, "stderr", io.StringIO())
        self.patch(os, "environ", {**os.environ, "COLUMNS": "40"})
        self.failures: list[Exception] = []
        self.screen = Screen(
            self.clock, terminal=True, over=True, failed=self.failures.append
        )

    def told(self) -> list[str]:
        """The lines since the last look."""
        lines = self.written.getvalue().decode().split("\n")[:-1]
        self.written.seek(0)
        self.written.truncate()
        return lines

    def test_nobody_reads(self) -> None:
        """That nobody reads any more is told also where it is found out later."""
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as closed:
            self.patch(sys, "stdout", closed)
            self.screen.show(BOB[False], own=False)
            self.clock.advance(SETTLED_S)
        (error,) = self.failures
        self.assertIsInstance(error, output.OutputClosed)

    def test_typed(self) -> None:
        """What one typed is written over by how it is in the log, in a room, to one
        person, or as an action; once."""
        for typed in ("hello", "/msg bob hello", "/me hello"):
            self.screen.typed(typed)
            self.screen.show(said("hello"), own=True)
            self.screen.show(said("hello"), own=True)
            over, plain = self.told()
            self.assertEqual(over, OVER_THE_LAST_LINE + plain)

    def test_not_written_over(self) -> None:
        """What stands between, what others say, another text, a line that is broken by
        the terminal and one with a tab in it stay as they are."""
        long, wide = "x" * 40, "\u8336" * 20
        for typed, between, shown, own in (
            ("hello", "a note", "hello", True),
            ("hello", "", "hello", False),
            ("hello", "", "hello there", True),
            (long, "", long, True),
            (wide, "", wide, True),
            ("a\tb", "", "a\tb", True),
        ):
            self.screen.typed(typed)
            if between:
                output.note(between)
            self.screen.show(said(shown), own)
            self.assertNotIn("\x1b", "".join(self.told()), typed)

    def test_days(self) -> None:
        """What was said on another day than what stands above is below its date."""
        self.screen.show(said("one"), own=False)
        self.screen.show(said("two", NOON - 86_400), own=False)
        self.screen.show(said("three", NOON - 86_300), own=False)
        self.screen.show(said("four"), own=False)
        self.assertEqual(
            [line if line[:2] == "--" else line.split()[-1] for line in self.told()],
            [
                "one",
                "-- Saturday, 2026-11-28",
                "two",
                "three",
                "-- Sunday, 2026-11-29",
                "four",
            ],
        )

    def test_presence(self) -> None:
        """Who comes and goes at once is not told of; who stays away is, a little
        later."""
        for online in (True, False, True, False):
            self.screen.show(BOB[online], own=False)
            self.clock.advance(SETTLED_S / 2)
        self.clock.advance(SETTLED_S)
        self.assertEqual(self.told(), [])
        self.screen.show(BOB[False], own=False)
        self.clock.advance(SETTLED_S)
        self.assertEqual(self.told(), ["-- bob is offline"])
        self.screen.show(BOB[True], own=False)
        self.screen.close()
        self.clock.advance(SETTLED_S)
        self.assertEqual(self.told(), [])

    def test_pipe(self) -> None:
        """Under a pipe each event is a line, at once."""
        screen = Screen(
            self.clock, terminal=False, over=False, failed=self.failures.append
        )
        screen.typed("hello")
        screen.show(said("hello", NOON - 86_400), own=True)
        screen.show(BOB[False], own=False)
        first, second = self.told()
        self.assertTrue(first.endswith("#tea <ann> hello"), first)
        self.assertNotIn("\x1b", first)
        self.assertEqual(second, "-- bob is offline")

    def test_dumb(self) -> None:
        """No line is written over where the terminal can't, or where there is none."""
        self.patch(os, "isatty", lambda fd: True)
        self.patch(os, "environ", {"TERM": "xterm"})
        self.assertTrue(rewrites(0))
        for environment in ({"TERM": "dumb"}, {}):
            self.patch(os, "environ", environment)
            self.assertFalse(rewrites(0))
        self.patch(os, "environ", {"TERM": "xterm"})
        self.patch(os, "isatty", lambda fd: fd == 0)
        self.assertFalse(rewrites(0))
