"""The checker that asks a program, with real programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from examples import ask_program
from examples.ask_program import AskProgram

PROGRAM = """#!{python} -S
import os, sys
name, password = sys.stdin.buffer.read().split(b"\\n", 1)
if len(sys.argv) > 1 or len(os.environ) > 3:
    sys.exit(3)
print("noise " * 100_000)
sys.exit(0 if password == name[::-1] else 1)
"""


class AskProgramTests(TestCase):
    """Yes, no, and programs that do not answer."""

    timeout = 60

    def program(self, text: str = PROGRAM) -> AskProgram:
        """A checker that asks this program."""
        path = Path(self.mktemp())
        path.write_text(text.format(python=sys.executable))
        path.chmod(0o700)
        return AskProgram(reactor, [str(path.absolute())])

    def ask(self, checker: AskProgram, name: bytes, password: bytes) -> Deferred[bytes]:
        """Whose account it is."""
        credentials = UsernamePassword(name, password)
        asked: Deferred[Any] = checker.requestAvatarId(credentials)
        return asked

    def test_yes(self) -> Deferred[None]:
        """The program reads name and password, whatever is in them, and nothing else:
        no argument, no environment."""
        checker = self.program()
        asked = [
            self.ask(checker, name, name[::-1])
            for name in (b"ann", b"b\\0b", b"$(exit)", b"'; true #", b"-x", b"\xc3\xa9")
        ]
        return gatherResults(asked).addCallback(
            lambda names: self.assertEqual(len(names), len(asked))
        )

    def test_no(self) -> Deferred[Any]:
        """Another exit code is no."""
        return self.assertFailure(
            self.ask(self.program(), b"ann", b"wrong"), UnauthorizedLogin
        )

    def test_no_program(self) -> Deferred[Any]:
        """A program that is not there lets nobody in."""
        checker = AskProgram(reactor, ["/nowhere/at/all"])
        return self.assertFailure(self.ask(checker, b"ann", b"nna"), UnauthorizedLogin)

    def test_hangs(self) -> Deferred[Any]:
        """One that does not answer is killed, and the answer is no."""
        self.patch(ask_program, "TIMEOUT_S", 0.5)
        checker = self.program("#!/bin/sh\nexec sleep 600\n")
        return self.assertFailure(self.ask(checker, b"ann", b"nna"), UnauthorizedLogin)
