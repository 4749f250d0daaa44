"""Who says how much, and how that is asked for."""

from __future__ import annotations

from examples.counting import NICKS_LIMIT, Counting, Shown
from examples.shout import Shout
from relaychat.extend import errors, events
from relaychat.testing.relay import RelayTestCase

TALK = """
ann> IAM ann
ann> JOIN #tea
bob> IAM bob
bob> JOIN #tea
ann> SAY #tea one
ann< ...
bob< ...
ann> SAY #tea two
ann< ...
bob< ...
bob> SAY #tea three
ann< ...
bob< ...
"""


class CountingTests(RelayTestCase):
    """The hook in a relay."""

    dialect = Shout

    def test_talkers(self) -> None:
        """Who has said most stands first; the settings say how many are shown."""
        self.use(Counting, Shown(shown=1))
        self.converse(TALK)
        self.assertEqual(self.ctl("talkers"), ["ann 2"])
        self.assertEqual(self.ctl("talkers", "5"), ["ann 2", "bob 1"])
        self.assertEqual(self.ctl("forget", "ann"), {"forgotten": 2})
        self.assertEqual(self.ctl("talkers"), ["bob 1"])

    def test_refused(self) -> None:
        """A count is a number, and a command has its arguments."""
        self.use(Counting)
        for words in (
            ("talkers", "x"),
            ("talkers", "²"),
            ("forget",),
            ("talkers", "1", "2"),
        ):
            self.assertRaises(errors.BadSyntax, self.ctl, *words)

    def test_bounded(self) -> None:
        """Nicks without end don't make it grow without end."""
        hook = self.use(Counting)
        nicks = [f"n{number}" for number in range(NICKS_LIMIT + 1)]
        hook.after_events([events.Said("#a", 1, 0, nick, "x") for nick in nicks])
        self.assertEqual(len(hook.said), NICKS_LIMIT // 2)
