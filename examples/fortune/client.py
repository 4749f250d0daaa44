"""A fortune client on Twisted: any client endpoint, one fortune.

python client.py tcp:127.0.0.1:7117
"""

import sys
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.task import react
from twisted.protocols.basic import Int32StringReceiver

LIMIT_BYTES = 64 * 1024
TIMEOUT_S = 10


class NoFortune(Exception):
    """The server did not say one."""


class Reader(Int32StringReceiver):
    """Reads one string of a QDataStream: its 32 bits of length are Twisted's own."""

    MAX_LENGTH = LIMIT_BYTES
    transport: Any

    def __init__(self) -> None:
        self.fortune: Deferred[str] = Deferred(self.cancelled)

    def cancelled(self, fortune: Deferred[str]) -> None:
        self.transport.abortConnection()

    def stringReceived(self, string: bytes) -> None:
        if not self.fortune.called:
            self.fortune.callback(string.decode("utf-16-be", errors="replace"))
        self.transport.loseConnection()

    def lengthLimitExceeded(self, length: int) -> None:
        self.fail(f"it is said to have {length} bytes")

    def connectionLost(self, reason: object = None) -> None:
        self.fail("the server hung up before it was whole")

    def fail(self, why: str) -> None:
        if not self.fortune.called:
            self.fortune.errback(NoFortune(why))
        self.transport.loseConnection()


async def ask(reactor: Any, server: str) -> Any:
    """The fortune of the server at an endpoint. Raises NoFortune, ConnectError,
    defer.TimeoutError."""
    reader = await connectProtocol(clientFromString(reactor, server), Reader())
    return await reader.fortune.addTimeout(TIMEOUT_S, reactor)


async def main(reactor: Any, server: str = "") -> None:
    try:
        print(await ask(reactor, server) if server else __doc__)
    except (NoFortune, ConnectError, defer.TimeoutError) as error:
        sys.exit(f"no fortune: {error}")
    except (ValueError, TypeError):
        sys.exit(f"no endpoint like tcp:127.0.0.1:7117: {server}")


if __name__ == "__main__":
    react(lambda *given: Deferred.fromCoroutine(main(*given)), sys.argv[1:2])
