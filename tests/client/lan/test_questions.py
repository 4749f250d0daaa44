"""Asking: which questions go out, and which answers count."""

from __future__ import annotations

import errno
import socket
import threading
from itertools import pairwise
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from relaychat.client.lan import questions
from relaychat.client.lan.findings import Findings, Found
from relaychat.client.lan.questions import ROUNDS_S, Questions, after
from relaychat.net.datagrams import Way
from relaychat.wire.discovery import QUERY_BYTES, Answer, Door, answer, read_query
from tests.net.lan import LAN, LOOPBACK, Readers, interface

SAID = Answer(name="tea", instance="0123456789abcdef", at=0)


class Reactor(Clock, Readers):
    """Time, and who reads."""

    def __init__(self) -> None:
        Clock.__init__(self)
        Readers.__init__(self)


class Host:
    """A socket on loopback that hears questions."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.way = Way("unicast", LOOPBACK.addresses[0].ip, self.socket.getsockname())

    def heard(self) -> tuple[bytes, Any]:
        """The nonce of the next question, and who asked."""
        data, sender = self.socket.recvfrom(2048)
        assert len(data) == QUERY_BYTES
        nonce = read_query(data)
        assert nonce is not None
        return nonce, sender


class AskerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor, self.host = Reactor(), Host()
        self.addCleanup(self.host.socket.close)
        self.told: list[Found] = []
        self.findings = Findings(self.told.append)
        self.numbers = iter(range(100))
        self.questions = Questions(
            self.reactor, self.findings, 7602, self.reactor.seconds,
            lambda size: next(self.numbers).to_bytes(size, "big"),
        )  # fmt: skip
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        self.asker = self.questions._asker("lo", sock, [self.host.way])
        self.addCleanup(self.questions.stop)

    def answer(self, nonce: bytes) -> None:
        """An answer comes in."""
        self.asker.received(answer(nonce, SAID), ("127.0.0.1", 7602))

    def test_rounds(self) -> None:
        """It is asked three times, with another nonce each time; then no more."""
        self.questions.start()
        nonces = [self.host.heard()[0]]
        for before, now in pairwise(ROUNDS_S):
            self.reactor.advance(now - before)
            nonces.append(self.host.heard()[0])
        self.assertEqual(len(set(nonces)), len(ROUNDS_S))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_latency(self) -> None:
        """The time from the question to its own answer is the latency."""
        self.questions.start()
        nonce, _ = self.host.heard()
        self.reactor.advance(0.04)
        self.answer(nonce)
        self.assertAlmostEqual(self.told[0].latency_s, 0.04)

    def test_forged(self) -> None:
        """What repeats none of the nonces is dropped, and counted; what is no answer
        is nothing."""
        self.questions.start()
        self.answer(b"x" * 16)
        self.asker.received(b"nonsense", ("127.0.0.1", 7602))
        self.assertEqual((self.told, self.asker.dropped), ([], 1))

    def test_answers_of_earlier_rounds(self) -> None:
        """A late answer to the first question counts too."""
        self.questions.start()
        nonce, _ = self.host.heard()
        self.reactor.advance(0.3)
        self.answer(nonce)
        self.assertEqual(len(self.told), 1)

    def test_stopped(self) -> None:
        """After the end nothing is asked, and nothing read."""
        self.questions.start()
        self.questions.stop()
        self.assertEqual(self.reactor.reading, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_trouble(self) -> None:
        """What can't be sent is noted with the reason."""
        self.asker.ways = [
            Way("broadcast", LAN.addresses[0].ip, ("255.255.255.255", 9))
        ]
        self.asker.ask()
        self.assertEqual(
            self.asker.troubles, {"broadcast to 192.168.1.5": "Permission denied"}
        )


class HostTests(TestCase):
    """Hosts that are asked by name, in the real reactor."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.host = Host()
        self.addCleanup(self.host.socket.close)
        port: int = self.host.way.sockaddr[1]
        self.findings = Findings(lambda found: None)
        self.questions = Questions(reactor, self.findings, port)
        self.addCleanup(self.questions.stop)

    async def test_asked(self) -> None:
        """All of its addresses are asked. What this machine says of itself may lead to
        its loopback."""
        await self.questions.hosts(["127.0.0.1", "127.0.0.1"])
        self.questions.start()
        nonce, sender = self.host.heard()
        first, _ = self.questions.askers
        self.assertNotEqual(nonce, self.host.heard()[0])
        here = replace(SAID, doors=(Door("native", "127.0.0.1", 7600),))
        first.received(answer(nonce, here), sender)
        self.assertEqual(self.findings.all()[0].server, "tcp:127.0.0.1:7600")

    async def test_elsewhere(self) -> None:
        """What another machine says may not."""
        await self.questions.hosts(["192.0.2.1"])
        (asker,) = self.questions.askers
        self.assertFalse(asker.here)

    async def test_scope(self) -> None:
        """A link-local address is asked by its interface."""
        await self.questions.hosts(["fe80::1%lo"])
        (asker,) = self.questions.askers
        self.assertEqual(asker.scope, "lo")
        self.assertEqual(asker.ways[0].sockaddr[3:], (socket.if_nametoindex("lo"),))

    async def test_trouble(self) -> None:
        """A host that has no address, or takes too long to say, is told; the others
        are asked."""
        going = threading.Event()
        self.addCleanup(going.set)

        def look(host: str, *given: Any, **more: Any) -> Any:
            if host == "slow.test":
                going.wait(30)
            return found(host, *given, **more)

        found = socket.getaddrinfo
        self.patch(socket, "getaddrinfo", look)
        self.patch(questions, "LOOKUP_S", 0.05)
        await self.questions.hosts(["slow.test", "a..b", "127.0.0.1"])
        self.assertEqual([one.name for one in self.questions.askers], ["127.0.0.1"])
        bad, slow = self.questions.troubles
        self.assertIn("a..b: ", bad)
        self.assertEqual(slow, "slow.test: no address within 0.05 s")

    async def test_no_socket(self) -> None:
        """A version of IP that this machine has not keeps nothing from the other."""

        def none(version: int) -> socket.socket:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported")

        self.patch(questions, "calling_socket", none)
        await self.questions.hosts(["127.0.0.1"])
        (trouble,) = self.questions.troubles
        self.assertIn("127.0.0.1: Address family", trouble)

    async def test_given_up(self) -> None:
        """Ctrl-C does not wait for a name server; nobody is asked after it."""
        going = threading.Event()
        self.addCleanup(going.set)
        self.patch(socket, "getaddrinfo", lambda *given, **more: going.wait(30))
        looking = Deferred.fromCoroutine(self.questions.hosts(["slow.test", "b.test"]))
        looking.cancel()
        self.failureResultOf(looking, CancelledError)
        self.assertEqual(self.questions.askers, [])


class InterfaceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.questions = Questions(self.reactor, Findings(lambda found: None), 7602)
        self.addCleanup(self.questions.stop)

    def test_interfaces(self) -> None:
        """One socket for each address that can ask; none for what is off, or is not
        ours, which is said."""
        off = interface("eth9", 9, "10.0.0.1/8", up=False)
        strange = interface("eth8", 8, "192.0.2.77/24")
        self.questions.by_interfaces([LOOPBACK, off, strange])
        self.assertEqual({one.name for one in self.questions.askers}, {"lo"})
        self.assertEqual(len(self.reactor.reading), len(self.questions.askers))
        (trouble,) = self.questions.troubles
        self.assertIn("eth8, 192.0.2.77", trouble)

    def test_after(self) -> None:
        """A wait ends in time, or when it is given up."""
        waited = after(self.reactor, 2)
        self.assertNoResult(waited)
        self.reactor.advance(2)
        self.successResultOf(waited)
        given_up = after(self.reactor, 2)
        given_up.cancel()
        self.failureResultOf(given_up)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
