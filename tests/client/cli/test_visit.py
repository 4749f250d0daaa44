"""What a command tells of its connection, in the order in which things happen."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli.run import UNREACHABLE, Trouble
from relaychat.client.cli.visit import Target, Visit
from relaychat.client.happenings import Down, Postponed, Shut, Up
from relaychat.model.commands import Say
from relaychat.model.events import Fault, Welcome

UP = Up(Welcome("ann", "relay.test", "x", 1))
FULL = Fault("unavailable", "nothing can be kept", retry=True)


class VisitTests(SynchronousTestCase):
    """A visit whose link is told what happens by the test."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        target = Target("tcp:tea.test:1", "ann", True, None, Path(self.mktemp()))
        self.visit = Visit(self.reactor, target, "0" * 32)
        self.notes = io.StringIO()
        self.patch(sys, "stderr", self.notes)

    def told(self) -> list[str]:
        """The notes since the last look."""
        lines = self.notes.getvalue().splitlines()
        self.notes.seek(0)
        self.notes.truncate()
        return [line.removeprefix("relaychat: ") for line in lines]

    def test_lost(self) -> None:
        """A connection that was lost is told once, and when it is there again."""
        heard = self.visit.link.heard
        for happening in (UP, Down("it was lost"), Down("nobody listens there"), UP):
            heard(happening)
        self.assertEqual(
            self.told(),
            ["tcp:tea.test:1: it was lost; trying again", "connected again"],
        )

    def test_lasting_reason(self) -> None:
        """What waiting won't mend, another certificate for instance, is told although
        the connection was lost for another reason before; once."""
        heard = self.visit.link.heard
        heard(UP)
        heard(Down("it shuts down"))
        self.told()
        for reason in ("another certificate", "another certificate"):
            heard(Down(reason, final=True))
        self.assertEqual(
            self.told(), ["tcp:tea.test:1: another certificate; trying again"]
        )

    def test_refused_for_now(self) -> None:
        """That the server takes nothing is told once a connection, be it messages or a
        room, and is what is said when the time is over."""
        heard = self.visit.link.heard
        self.visit.within(3)
        heard(UP)
        heard(Postponed(Say("#tea", "x"), FULL))
        heard(Shut("#tea", FULL))
        told = "tcp:tea.test:1: nothing can be kept [unavailable]; trying again"
        self.assertEqual(self.told(), [told])
        self.reactor.advance(3)
        why = self.failureResultOf(self.visit.over, Trouble).value
        self.assertEqual(str(why), "the server did not take it within 3 s")
        self.assertEqual(why.code, UNREACHABLE)

    def test_no_answer(self) -> None:
        """Where nothing was heard, nothing more is said."""
        self.visit.within(2.5)
        self.reactor.advance(2.5)
        why = self.failureResultOf(self.visit.over, Trouble).value
        self.assertEqual(str(why), "no answer within 2.5 s")
