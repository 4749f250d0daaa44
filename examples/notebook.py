"""A notebook: a protocol that has nothing to do with rooms, behind a door of the relay.

It is plain Twisted. The relay brings the endpoint, TLS, the limits of connections, the
PROXY protocol and the accounts; ``relaychat ctl status`` shows what comes and goes::

    [[listen]]
    factory = "notebook:Notebook"
    endpoint = "tcp:7900"
    tls = "default"

A conversation: ``LOGIN ann secret``, ``NOTE buy tea``, ``LIST``, ``QUIT``.
"""

from collections import defaultdict
from typing import Any

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from relaychat.extend import Premises, RelayError

NOTES_LIMIT = 100


class Writer(LineReceiver):
    """One connection."""

    MAX_LENGTH = 512
    factory: Any
    transport: Any
    pauseProducing: Any
    resumeProducing: Any
    account = ""

    def lineReceived(self, line: bytes) -> None:
        word, _, rest = line.decode(errors="replace").partition(" ")
        notes = self.factory.notes[self.account] if self.account else None
        if word == "QUIT":
            self.transport.loseConnection()
        elif word == "LOGIN":
            self.pauseProducing()
            name, _, password = rest.partition(" ")
            asked = self.factory.premises.login(name, password, self.transport)
            asked.addCallbacks(self.welcomed, self.refused)
            asked.addBoth(lambda _: self.resumeProducing())
        elif notes is None:
            self.say("LOGIN first")
        elif word == "NOTE" and len(notes) >= NOTES_LIMIT:
            self.say(f"there are {NOTES_LIMIT} notes, and no more fit in")
        elif word == "NOTE":
            notes.append(rest)
            self.say("noted")
        elif word == "LIST":
            self.say(*notes, f"{len(notes)} notes")
        else:
            self.say("NOTE, LIST or QUIT")

    def welcomed(self, account: str) -> None:
        self.account = account
        self.say(f"welcome, {account}")

    def refused(self, failure: Failure) -> None:
        error: Any = failure.value
        known = isinstance(error, RelayError)
        self.say(error.text if known else "not now")

    def say(self, *lines: str) -> None:
        self.transport.write("".join(f"{line}\r\n" for line in lines).encode())


class Notebook(Factory):
    """All notes, by account."""

    protocol = Writer

    def __init__(self, premises: Premises) -> None:
        self.premises = premises
        self.notes: dict[str, list[str]] = defaultdict(list)
