"""A checker that asks a program whether a password is right: for LDAP, PAM, anything.

Put this file beside the configuration, change COMMAND, and name it there::

    [accounts]
    checkers = ["ask_program:AskProgram"]

The program gets the name on the first line of its standard input and the password on
the rest of it. Exit code 0 means yes, anything else no. There is no shell, and neither
the name nor the password is ever in a command line, where other users could read it.
"""

import os
from contextlib import suppress
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from zope.interface import implementer

COMMAND = ["/usr/local/bin/check-password"]
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
TIMEOUT_S = 5
AT_ONCE = 4


class Question(ProcessProtocol):
    """One run of the program."""

    transport: Any

    def __init__(self, name: bytes, password: bytes) -> None:
        self.said = name + b"\n" + password
        self.answer: Deferred[bool] = Deferred()

    def connectionMade(self):
        self.transport.write(self.said)
        self.transport.closeStdin()

    def processEnded(self, reason):
        self.answer.callback(reason.check(ProcessDone) is not None)

    def stop(self):
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")


@implementer(ICredentialsChecker)
class AskProgram:
    """See the module."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, reactor, command=COMMAND):
        self.reactor = reactor
        self.command = command
        self.turns = DeferredSemaphore(AT_ONCE)

    def requestAvatarId(self, credentials):
        return self.turns.run(self.ask, credentials)

    def ask(self, credentials):
        question = Question(credentials.username, credentials.password)
        with open(os.devnull, "r+b") as nowhere:
            self.reactor.spawnProcess(
                question, self.command[0], self.command, ENVIRONMENT, path="/",
                childFDs={0: "w", 1: nowhere.fileno(), 2: nowhere.fileno()},
            )  # fmt: skip
        timer = self.reactor.callLater(TIMEOUT_S, question.stop)
        return question.answer.addCallback(self.answered, timer, credentials)

    def answered(self, right, timer, credentials):
        if timer.active():
            timer.cancel()
        if not right:
            raise UnauthorizedLogin
        return credentials.username
