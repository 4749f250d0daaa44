"""The quote of the day, and the time: what is answered, to whom, how often."""

from __future__ import annotations

import re
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import DatagramProtocol, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from examples import quote
from examples.quote import DAY_MS, LIMIT_BYTES, PER_S, REMEMBERED, Datagrams, Quotes
from relaychat.client.api import Client
from relaychat.model.events import Joined, Redacted, Said
from tests.client.test_api import ClientTestCase

TODAY = 20_000
EMPTY = b"Come again tomorrow.\r\n"


def said(seq: int, text: str, day: int = TODAY - 1, redacted: bool = False) -> Said:
    """Said in the last millisecond of a day."""
    at = (day + 1) * DAY_MS - 1
    return Said("#quotes", seq, at, "ann", text, redacted=redacted)


class QuotesTests(SynchronousTestCase):
    """Which quote it is."""

    def setUp(self) -> None:
        """Noon."""
        self.now = (TODAY + 0.5) * DAY_MS / 1000
        self.quotes = Quotes(lambda: self.now)

    def test_of_the_day(self) -> None:
        """One a day, whatever is said meanwhile; tomorrow the next."""
        for seq, text in enumerate(["a", "b", "c"], 1):
            self.quotes.hear(said(seq, text))
        first = self.quotes.answer()
        self.assertRegex(first, b"^[abc]\r\n    -- ann\r\n$")
        self.quotes.hear(said(4, "d", TODAY))
        self.assertEqual(self.quotes.answer(), first)
        self.now += DAY_MS / 1000
        self.assertNotEqual(self.quotes.answer(), first)

    def test_nothing_yet(self) -> None:
        """Of an empty room, and of what is said today."""
        self.assertEqual(self.quotes.answer(), EMPTY)
        self.quotes.hear(said(1, "a", TODAY))
        self.assertEqual(self.quotes.answer(), EMPTY)

    def test_taken_back(self) -> None:
        """What was redacted is not quoted, and what was not said is no quote."""
        self.quotes.hear(said(1, "a"))
        self.quotes.hear(said(2, "", redacted=True))
        self.quotes.hear(Joined("#quotes", 3, 0, "ann"))
        self.quotes.hear(Redacted("#quotes", 4, 0, "ann", 1))
        self.assertEqual(self.quotes.answer(), EMPTY)

    def test_bounds(self) -> None:
        """Never more than 512 bytes, whole characters, and so many are remembered."""
        self.quotes.hear(said(1, "x" + "é" * 400))
        answer = self.quotes.answer()
        self.assertEqual(len(answer), LIMIT_BYTES - 1)
        self.assertEqual(answer.decode(), "x" + "é" * 254 + "\r\n")
        for seq in range(2, REMEMBERED + 9):
            self.quotes.hear(said(seq, str(seq)))
        self.assertEqual(len(self.quotes.said), REMEMBERED)

    def test_lines(self) -> None:
        """Lines end as they do on the network."""
        self.quotes.hear(said(1, "a\nb"))
        self.assertEqual(self.quotes.answer(), b"a\r\nb\r\n    -- ann\r\n")


class ListenTests(ClientTestCase):
    """A room of a relay in memory."""

    def test_history_and_news(self) -> None:
        """What was said before it came, and what is said while it is there; of no other
        room."""
        ann = self.up("ann", "#quotes", "#tea")
        self.say(ann, "#quotes", "before")
        bob = self.up("bob", "#tea", name="quote")
        quotes = Quotes(lambda: self.relay.world.now_ms() / 1000 + 86_400)
        listening = Deferred.fromCoroutine(quote.listen(bob, "#quotes", quotes))
        self.place.run()
        self.successResultOf(listening)
        self.say(ann, "#quotes", "after")
        self.say(ann, "#tea", "elsewhere")
        self.assertEqual(
            [one.text for one in quotes.said.values()], ["before", "after"]
        )
        self.assertIn(b"-- ann", quotes.answer())

    def say(self, client: Client, room: str, text: str) -> None:
        client.send(room, text)
        self.place.run()


class Transport:
    """Notes what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []

    def write(self, data: bytes, address: Any) -> None:
        self.sent.append((data, address))


class DatagramTests(SynchronousTestCase):
    """Who is answered."""

    def setUp(self) -> None:
        """A service on a clock of its own."""
        self.clock = Clock()
        self.service = Datagrams(lambda: b"x", self.clock)
        self.service.transport = Transport()
        self.sent = self.service.transport.sent

    def test_flood(self) -> None:
        """So many a second are answered, in all."""
        for port in range(2000, 3000):
            self.service.datagramReceived(b"", ("192.0.2.1", port))
        self.assertEqual(len(self.sent), PER_S)
        self.clock.advance(1)
        self.service.datagramReceived(b"", ("192.0.2.1", 2000))
        self.assertEqual(self.sent[-1], (b"x", ("192.0.2.1", 2000)))
        self.assertEqual(len(self.sent), PER_S + 1)

    def test_other_services(self) -> None:
        """What comes from a service is not answered, or the two would go on for ever;
        nor does it use up anything."""
        for port in (7, 17, 19, 1023):
            for _ in range(PER_S):
                self.service.datagramReceived(b"", ("192.0.2.1", port))
        self.assertEqual(self.sent, [])
        self.service.datagramReceived(b"", ("192.0.2.1", 1024))
        self.assertEqual(len(self.sent), 1)


class Ask(DatagramProtocol):
    """Asks, and waits for the answer."""

    transport: Any

    def __init__(self, port: int, host: str) -> None:
        self.where = (host, port)
        self.answer: Deferred[bytes] = Deferred()

    def startProtocol(self) -> None:
        self.transport.write(b"", self.where)

    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        self.answer.callback(datagram)


class Read(Protocol):
    """Reads to the end."""

    def __init__(self) -> None:
        self.held = b""
        self.whole: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.held += data

    def connectionLost(self, reason: object = None) -> None:
        self.whole.callback(self.held)


class ServeTests(TestCase):
    """Real sockets."""

    timeout = 20

    async def test_both_ways(self) -> None:
        """The time, by datagram and by connection, IPv4 and IPv6; datagrams that don't
        leave the network."""
        hosts = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]
        for host in hosts:
            ports = quote.serve(reactor, 0, host, quote.daytime)
            for one in ports:
                self.addCleanup(one.stopListening)
            handle = ports[0].getHandle()
            hops = (
                handle.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
                if ":" in host
                else handle.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)
            )
            self.assertEqual(hops, 1)
            udp, tcp = (one.getHost().port for one in ports)
            ask = Ask(udp, host)
            listening: Any = reactor
            self.addCleanup(listening.listenUDP(0, ask, interface=host).stopListening)
            read = Read()
            await connectProtocol(HostnameEndpoint(reactor, host, tcp), read)
            for answer in await gatherResults([ask.answer, read.whole]):
                self.assertTrue(DAYTIME.fullmatch(answer), answer)


DAYTIME = re.compile(rb"[A-Z][a-z]+, [A-Z][a-z]+ \d\d, \d{4} \d\d:\d\d:\d\d-UTC\r\n")


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False
