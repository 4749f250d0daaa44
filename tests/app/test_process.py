"""What belongs to the process."""

from __future__ import annotations

import subprocess
import sys

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.process import steady

STEPPED = """
import time
real, step = time.time, 0
time.time = lambda: real() + step
from twisted.internet import reactor
from relaychat.app.process import steady
from relaychat.app.world import ReactorWorld
steady(reactor)
ReactorWorld(reactor).later(0.05, lambda: (print("in time"), reactor.stop()))
step = -3600
reactor.run()
"""


class SteadyTests(SynchronousTestCase):
    """Timers of the real reactor."""

    def test_a_step_of_the_clock(self) -> None:
        """A wall clock that is set back by an hour delays nothing."""
        command = [sys.executable, "-c", STEPPED]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.stdout, done.stderr), ("in time\n", ""))

    def test_calls_of_others(self) -> None:
        """A reactor on which others wait for something already keeps its clock."""
        reactor = Clock()
        seconds = reactor.seconds
        reactor.callLater(1, print)
        steady(reactor)
        self.assertEqual(reactor.seconds, seconds)


HANGING_UP = """
import os, signal
from twisted.internet import reactor
from relaychat.app.process import on_hangup
on_hangup(lambda: (print("reloaded"), reactor.stop()), reactor)
reactor.callLater(0, os.kill, os.getpid(), signal.SIGHUP)
reactor.run()
"""


class HangupTests(SynchronousTestCase):
    """SIGHUP, which ends a process that does not listen to it."""

    def test_reload(self) -> None:
        """It asks for a reload, in the reactor's turn."""
        command = [sys.executable, "-c", HANGING_UP]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.stdout, done.stderr), ("reloaded\n", ""))
