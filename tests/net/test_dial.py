"""How to come to a host, and to a domain, over real sockets on loopback."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from relaychat.net import dial, names
from relaychat.net.dial import (
    CONNECT_S,
    NEXT_S,
    TLS_PORT,
    BadServer,
    Domain,
    Host,
    NoWay,
    Place,
    place_of,
    plain,
)
from relaychat.net.service import NotOffered, Target
from tests.net.test_names import NamesCase

SRV = "_relaychat._tcp.tea.test"


class PlaceTests(SynchronousTestCase):
    """Where a server with TLS is, in one spelling."""

    def test_places(self) -> None:
        """Names do not differ by case, IPv6 addresses are in brackets; a domain has no
        port, and what can't be one has the usual."""
        for server, place in (
            ("tls:Chat.Example:7601", "chat.example:7601"),
            ("tls:[::1]:7601", "[::1]:7601"),
            (r"tls:\:\:1:7601", "[::1]:7601"),
            ("tls:127.0.0.1:7700", "127.0.0.1:7700"),
            ("tls:Chat.Example.", "chat.example"),
            ("tls:127.0.0.1", f"127.0.0.1:{TLS_PORT}"),
            ("tls:[::1]", f"[::1]:{TLS_PORT}"),
            ("tls:relay", f"relay:{TLS_PORT}"),
        ):
            self.assertEqual(str(place_of(server)), place)
        self.assertIsNone(place_of("tls:chat.example").port)
        self.assertEqual(place_of("tls:h:1"), Place("h", 1))

    def test_wrong(self) -> None:
        """What is none is refused."""
        for bad in ("tcp:h:1", "tls:", "tls::1", "tls:h:x", "tls:h:0", "tls:h:65536",
                    "tls:::1:7601", "tls:[]:1", "tls:.:1"):  # fmt: skip
            self.assertRaises(BadServer, place_of, bad)


class Eyeballs:
    """A name resolver that knows one host, with two addresses."""

    def resolveHostName(self, receiver: Any, host: str, portNumber: int) -> Any:
        """See IHostnameResolver."""
        receiver.resolutionBegan(None)
        receiver.addressResolved(IPv6Address("TCP", "2001:db8::1", portNumber))
        receiver.addressResolved(IPv4Address("TCP", "192.0.2.1", portNumber))
        receiver.resolutionComplete()


class Never:
    """A name resolver that does not come to an end."""

    def resolveHostName(self, receiver: Any, host: str, portNumber: int) -> Any:
        """See IHostnameResolver."""
        receiver.resolutionBegan(None)


class HostTests(SynchronousTestCase):
    """A host, on a clock of the test's."""

    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()

    def connect(self, resolver: Any, server: str = "tcp:tea.test:7600") -> Any:
        """Try to connect."""
        self.reactor.nameResolver = resolver
        return plain(self.reactor, server).connect(Factory.forProtocol(Protocol))

    def test_both_families(self) -> None:
        """IPv6 has a quarter of a second before IPv4 is tried beside it."""
        attempt = self.connect(Eyeballs())
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.reactor.advance(0.25)
        tried = [client[:2] for client in self.reactor.tcpClients]
        self.assertEqual(tried, [("2001:db8::1", 7600), ("192.0.2.1", 7600)])
        attempt.addErrback(lambda _: None)
        attempt.cancel()

    def test_in_all(self) -> None:
        """A look-up that never ends is given up, and so is silence."""
        for resolver in (Never(), Eyeballs()):
            attempt = self.connect(resolver)
            self.reactor.advance(CONNECT_S - 0.1)
            self.assertNoResult(attempt)
            self.reactor.advance(0.1)
            self.failureResultOf(attempt, error.TimeoutError)

    def test_strings(self) -> None:
        """``tcp:`` is a host of ours unless it says more; the rest is Twisted's."""
        self.assertIsInstance(plain(self.reactor, "tcp:tea.test:7600"), Host)
        for kind, text in (
            (TCP4ClientEndpoint, "tcp:127.0.0.1:7600"),
            (TCP6ClientEndpoint, r"tcp:\:\:1:7600"),
            (TCP6ClientEndpoint, "tcp:[::1]:7600"),
        ):
            self.assertIsInstance(plain(self.reactor, text), kind)
        self.assertNotIsInstance(plain(self.reactor, "tcp:h:1:timeout=3"), Host)
        self.assertNotIsInstance(plain(self.reactor, "tcp:host=h:port=1"), Host)
        for bad in ("tcp:h:x", "tcp:h", "what:x:1"):
            self.assertRaises(BadServer, plain, self.reactor, bad)


class DomainTests(NamesCase):
    """A domain, whose relays are listeners of the test's."""

    def setUp(self) -> None:
        super().setUp()
        self.came: list[str] = []

    def listen(self, name: str) -> int:
        """A relay, as far as it goes here: its port."""

        class Noting(Protocol):
            def connectionMade(inner) -> None:
                self.came.append(name)
                inner.transport.loseConnection()  # type: ignore[union-attr]

        port = self.reactor.listenTCP(
            0, Factory.forProtocol(Noting), interface="127.0.0.1"
        )
        self.addCleanup(lambda: maybeDeferred(port.stopListening))
        number: int = port.getHost().port
        return number

    def closed(self) -> int:
        """A port where nobody listens."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            number: int = taken.getsockname()[1]
        return number

    def publish(self, *targets: tuple[int, int]) -> None:
        """SRV records: priority and port."""
        records = [dns.Record_SRV(one, 1, port, "localhost") for one, port in targets]
        self.server.put(SRV, *records)

    def domain(self, name: str = "tea.test") -> Domain:
        return Domain(self.reactor, self.names, name, lambda one: one, lambda: 0.5)

    async def connect(self) -> None:
        """Connect, and see the connection end."""
        ended: Deferred[None] = Deferred()

        class Waiting(Protocol):
            def connectionLost(inner, reason: Any = None) -> None:
                ended.callback(None)

        await self.domain().connect(Factory.forProtocol(Waiting))
        await ended

    async def fails(self, kind: Any, domain: Any = None) -> Any:  # type: ignore[override]
        """What an attempt fails with."""
        try:
            await (domain or self.domain()).connect(Factory.forProtocol(Protocol))
        except kind as failed:
            return failed
        raise AssertionError(f"no {kind}")

    async def test_first(self) -> None:
        """The target of the lowest number is taken."""
        self.publish((20, self.listen("second")), (10, self.listen("first")))
        await self.connect()
        self.assertEqual(self.came, ["first"])

    async def test_next(self) -> None:
        """A target that refuses is passed over."""
        self.publish((10, self.closed()), (20, self.listen("second")))
        await self.connect()
        self.assertEqual(self.came, ["second"])

    async def test_nowhere(self) -> None:
        """Where none can be reached, each is named with its reason."""
        ports = [self.closed(), self.closed()]
        self.publish((1, ports[0]), (2, ports[1]))
        failed = await self.fails(NoWay)
        self.assertEqual(
            [target for target, _ in failed.tried],
            [Target("localhost", port) for port in ports],
        )
        for _, reason in failed.tried:
            self.assertTrue(reason.check(error.ConnectionRefusedError))
        self.assertIsNone(failed.unasked)
        self.assertIn(f"localhost:{ports[0]}", str(failed))

    async def test_no_record(self) -> None:
        """Without the record it is the domain itself, at the usual port."""
        self.patch(dial, "TLS_PORT", self.listen("itself"))
        self.server.answers["_relaychat._tcp.localhost", dns.SRV] = dns.ENAME
        ended: Deferred[None] = Deferred()

        class Waiting(Protocol):
            def connectionLost(inner, reason: Any = None) -> None:
                ended.callback(None)

        where = self.domain("localhost")
        await where.connect(Factory.forProtocol(Waiting))
        await ended
        self.assertEqual(self.came, ["itself"])

    async def test_unasked(self) -> None:
        """If the record can't be had, the domain itself is tried, and why is told."""
        self.patch(names, "TRIES_S", (0.01,))
        self.server.silent = True
        self.patch(dial, "TLS_PORT", self.closed())
        failed = await self.fails(NoWay, self.domain("localhost"))
        self.assertEqual(failed.tried[0][0].host, "localhost")
        self.assertIn("does not answer", str(failed.unasked))

    async def test_not_offered(self) -> None:
        """A domain that says that it has none is not bothered."""
        self.server.put(SRV, dns.Record_SRV(0, 0, 0, ""))
        await self.fails(NotOffered)

    async def test_given_up(self) -> None:
        """An attempt that is given up tries no other target."""
        self.publish((10, self.closed()), (20, self.listen("second")))
        tried: list[float] = []

        class Slow:
            def __init__(self, where: Any) -> None:
                tried.append(where._within_s)

            def connect(self, factory: Any) -> Deferred[Any]:
                def cancel(waiting: Deferred[Any]) -> None:
                    waiting.errback(error.DNSLookupError())

                return Deferred(cancel)

        where: Any = Domain(self.reactor, self.names, "tea.test", Slow)  # type: ignore[arg-type]
        going = where.connect(Factory.forProtocol(Protocol))
        while not tried:
            later: Deferred[None] = Deferred()
            self.reactor.callLater(0.005, later.callback, None)
            await later
        going.cancel()
        await self.assertFailure(going, CancelledError)
        self.assertEqual(tried, [NEXT_S])
        self.assertEqual(self.came, [])
