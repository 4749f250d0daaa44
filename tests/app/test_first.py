"""The first administrator."""

from __future__ import annotations

import sys
from io import StringIO

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.first import NAME, first_administrator, new_password, terminal
from tests.auth.house import House


class FirstTests(SynchronousTestCase):
    """Made once, in front of somebody."""

    def setUp(self) -> None:
        self.house = House()

    def first(self, out: StringIO | None) -> str:
        """What is to be logged."""
        made = first_administrator(self.house.accounts, self.house.world, "data", out)
        return self.successResultOf(Deferred.fromCoroutine(made))

    def test_on_a_terminal(self) -> None:
        """The password is on the terminal, and not in what is logged; it is good."""
        out = StringIO()
        logged = self.first(out)
        password = out.getvalue().partition(f"{NAME}   ")[2].split()[0]
        self.assertNotIn(password, logged)
        admission = self.successResultOf(self.house.come(NAME, password))
        self.assertTrue(admission.administrator)
        self.assertEqual(self.first(StringIO()), "")

    def test_without_one(self) -> None:
        """Nobody is made where nobody sees the password."""
        self.assertIn("relaychat ctl --data data account", self.first(None))
        self.first(None)
        self.assertEqual(self.house.bench.calls, 0)

    def test_not_the_first(self) -> None:
        """Where there is any account, nothing happens."""
        self.successResultOf(self.house.add("ann", "tea"))
        out = StringIO()
        self.assertEqual(self.first(out), "")
        self.assertEqual(out.getvalue(), "")

    def test_passwords(self) -> None:
        """Long, easily typed, and never the same."""
        one, other = (new_password(self.house.world) for _ in range(2))
        self.assertNotEqual(one, other)
        self.assertRegex(one, r"^[a-z2-7]{6}(-[a-z2-7]{6}){3}$")

    def test_terminal(self) -> None:
        """Under a test there is none."""
        self.patch(sys, "__stdout__", StringIO())
        self.assertIsNone(terminal())
