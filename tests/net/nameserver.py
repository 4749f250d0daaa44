"""A name server on loopback that answers what it is told to, by UDP and TCP."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.names import dns

LONGEST = 512
"""What fits into a datagram, without extensions."""


class NameServer:
    """See the module. ``answers``: by name and type, the payloads, or an error's code;
    what is not there has no such name. ``silent``: whether it keeps quiet."""

    def __init__(self, reactor: Any) -> None:
        self.answers: dict[tuple[str, int], list[Any] | int] = {}
        self.asked: list[tuple[str, int]] = []
        self.silent = False
        streams = Factory.forProtocol(lambda: dns.DNSProtocol(self, reactor))
        here = "127.0.0.1"
        while True:
            self._tcp: Any = reactor.listenTCP(0, streams, interface=here)
            self.port: int = self._tcp.getHost().port
            try:
                datagrams = dns.DNSDatagramProtocol(self, reactor)
                self._udp: Any = reactor.listenUDP(self.port, datagrams, here)
            except CannotListenError:  # Somebody has it by UDP.
                self._tcp.stopListening()
            else:
                break

    @property
    def address(self) -> tuple[str, int]:
        """Where it is."""
        return "127.0.0.1", self.port

    def put(self, name: str, *payloads: Any) -> None:
        """Say this of a name from now on; all payloads are of one type."""
        self.answers[name.lower(), payloads[0].TYPE] = list(payloads)

    async def stop(self) -> None:
        """Listen no more."""
        await self._udp.stopListening()
        await self.stop_tcp()

    async def stop_tcp(self) -> None:
        """Listen by UDP only. Harmless when it was done before."""
        await maybeDeferred(self._tcp.stopListening)

    # -- as the controller of Twisted's protocols --------------------------------------

    def connectionMade(self, protocol: Any) -> None:
        """Somebody comes by TCP."""

    def connectionLost(self, protocol: Any) -> None:
        """They went."""

    def messageReceived(self, message: Any, protocol: Any, address: Any = None) -> None:
        """A question."""
        query = message.queries[0]
        key = query.name.name.decode().lower(), query.type
        self.asked.append(key)
        if self.silent:
            return
        found = self.answers.get(key, dns.ENAME)
        message.answer = 1
        if isinstance(found, int):
            message.rCode = found
        else:
            message.answers = [
                dns.RRHeader(key[0], one.TYPE, ttl=300, payload=one) for one in found
            ]
        if address is None:
            protocol.writeMessage(message)
            return
        if len(message.toStr()) > LONGEST:
            message.trunc, message.answers = 1, []
        protocol.writeMessage(message, address)
