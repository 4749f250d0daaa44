"""Quote of the day (RFC 865) from a room, and the time of day (RFC 867).

python quote.py relaychat://ann@chat.example.org '#quotes' --quote 17 --daytime 13

The options are ports, UDP and TCP; --address is what they are bound to, 127.0.0.1 if
nothing else is said. $RELAYCHAT_PASSWORD is the account's password; $RELAYCHAT_NICK its
name, if the link has none. It is a client of the relay: so it needs nothing of it, and
can do it no harm.

A service that answers every datagram can be made to answer somebody who did not ask. So
these answers go to the network that they are sent on and no further, other services get
none, and there are ten a second.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.internet.task import react

from relaychat.client.api import CannotConnect, Client
from relaychat.client.sending import RefusedByServer
from relaychat.client.state import StateError
from relaychat.model import events

LIMIT_BYTES = 512  # RFC 865
REMEMBERED = 1000
"""Quotes; the oldest are forgotten."""
PER_S = 10
"""Datagrams that are answered: enough for people, too few to hurt anybody."""
LEAST_PORT = 1024
"""Where people's datagrams come from; below are services, which might answer back."""
DAY_MS = 86_400_000
EXPECTED = (CannotConnect, RefusedByServer, CannotListenError, StateError, ValueError)

Answer = Callable[[], bytes]


class Quotes:
    """What is said in a room."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.said: dict[int, events.Said] = {}
        self.now = now

    def hear(self, event: object) -> None:
        if isinstance(event, events.Redacted):
            self.said.pop(event.target, None)
        elif isinstance(event, events.Said) and not event.redacted:
            self.said[event.seq] = event
            if len(self.said) > REMEMBERED:
                del self.said[min(self.said)]

    def answer(self) -> bytes:
        """One of yesterday's or before: so it is the same for the whole day."""
        day = int(self.now() * 1000) // DAY_MS
        quotes = [one for one in self.said.values() if one.at < day * DAY_MS]
        if not quotes:
            return b"Come again tomorrow.\r\n"
        quote = quotes[day % len(quotes)]
        lines = [*quote.text.splitlines(), f"    -- {quote.sender}"]
        # What is cut within a character loses the whole of it.
        whole = "\r\n".join(lines).encode()[: LIMIT_BYTES - 2]
        return whole.decode(errors="ignore").encode() + b"\r\n"


def daytime() -> bytes:
    return time.strftime("%A, %B %d, %Y %H:%M:%S-UTC\r\n", time.gmtime()).encode()


class Datagrams(DatagramProtocol):
    """Answers each."""

    transport: Any

    def __init__(self, answer: Answer, clock: Any) -> None:
        self.answer = answer
        self.clock = clock
        self.second = self.answered = 0

    def startProtocol(self) -> None:
        handle = self.transport.getHandle()
        if handle.family == socket.AF_INET6:
            handle.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 1)
        else:
            handle.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)

    def datagramReceived(self, datagram: bytes, address: Any) -> None:
        second = int(self.clock.seconds())
        if second != self.second:
            self.second, self.answered = second, 0
        if self.answered < PER_S and address[1] >= LEAST_PORT:
            self.answered += 1
            self.transport.write(self.answer(), address)


class Stream(Protocol):
    """Answers who connects."""

    transport: Any
    factory: Any

    def connectionMade(self) -> None:
        self.transport.write(self.factory.answer())
        self.transport.loseConnection()


def serve(
    reactor: Any, port: int, address: str, answer: Callable[[], bytes]
) -> list[Any]:
    """The ports, UDP and TCP. Raises CannotListenError."""
    datagrams = Datagrams(answer, reactor)
    factory: Any = Factory.forProtocol(Stream)
    factory.answer = answer
    return [
        reactor.listenUDP(port, datagrams, interface=address),
        reactor.listenTCP(port, factory, interface=address),
    ]


async def listen(client: Client, name: str, quotes: Quotes) -> None:
    """Hear what is said in a room, and what was. Raises CannotConnect,
    RefusedByServer."""
    await client.connect()
    room = await client.join(name)

    def hear(event: Any) -> None:
        if event.room == room.name:
            quotes.hear(event)

    client.on(events.LogEvent, hear)
    for event in await client.history(name, REMEMBERED):
        quotes.hear(event)


async def main(reactor: Any, *arguments: str) -> None:
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("server")
    options.add_argument("room")
    options.add_argument("--quote", type=int, default=17)
    options.add_argument("--daytime", type=int)
    options.add_argument("--address", default="127.0.0.1")
    asked = options.parse_args(arguments)
    nick = os.environ.get("RELAYCHAT_NICK", "")
    password = os.environ.get("RELAYCHAT_PASSWORD")
    quotes = Quotes()
    try:
        client = Client(reactor, asked.server, nick, password=password, name="quote")
        await listen(client, asked.room, quotes)
        serve(reactor, asked.quote, asked.address, quotes.answer)
        if asked.daytime:
            serve(reactor, asked.daytime, asked.address, daytime)
    except EXPECTED as error:
        sys.exit(f"quote: {error}")
    await Deferred()


if __name__ == "__main__":
    react(lambda *given: Deferred.fromCoroutine(main(*given)), sys.argv[1:])
