"""The fortune server once more, for fortunes that take their time: each is looked for
in a file, in a thread. It is plain Twisted, at a door of the relay::

    [[listen]]
    factory = "fortune.threaded:Threaded"
    endpoint = "tcp:7118"

    [extension.fortune-file]
    file = "/usr/share/games/fortunes/literature"

A thread may wait for a disk, a database or a library that knows nothing of Twisted, and
the relay goes on. It must not touch anything of the relay's or of Twisted's: what it
returns comes back to the reactor's own thread.
"""

import random
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from relaychat.extend import FactoryPlugin, Premises, Settings

from .server import packed


class File(Settings, frozen=True):
    file: str = "fortunes.txt"
    """Fortunes, each with a line ``%`` behind it, as the program ``fortune`` has
    them. Relative to where the relay was started."""


class Teller(Protocol):
    """One connection."""

    log = Logger()
    transport: Any
    factory: Any

    def connectionMade(self) -> None:
        reactor = self.factory.premises.reactor
        fortune = deferToThreadPool(
            reactor, reactor.getThreadPool(), pick, self.factory.settings.file
        )
        fortune.addCallbacks(self.tell, self.fail)

    def tell(self, fortune: str) -> None:
        self.transport.write(packed(fortune))
        self.transport.loseConnection()

    def fail(self, failure: Failure) -> None:
        self.log.failure("no fortune", failure)
        self.transport.loseConnection()


def pick(file: str) -> str:
    """Runs in a thread. Raises OSError, ValueError, IndexError."""
    fortunes = Path(file).read_text(encoding="utf-8").split("\n%\n")
    return random.choice([one for one in fortunes if one.strip()]).strip()


class Threaded(Factory):
    name = "fortune-file"
    settings = File()
    protocol = Teller

    def __init__(self, premises: Premises) -> None:
        self.premises = premises


threaded = FactoryPlugin(Threaded)
