"""Who may connect, and where."""

from __future__ import annotations

import os
import socket
from tempfile import TemporaryDirectory

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import quoteStringArgument
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from relaychat.model.errors import TooMany
from relaychat.net.listen import (
    BACKLOG,
    Counter,
    Guard,
    clear_stale,
    endpoint,
    most_sockets,
    parts_of,
    socket_path,
    source_of,
)
from relaychat.net.shell import Shell, ShellFactory, address_text, is_local
from relaychat.testing.world import SimulatedWorld


def ipv4(host: str) -> IPv4Address:
    """An address of that host."""
    return IPv4Address("TCP", host, 4711)


class CounterTests(SynchronousTestCase):
    """Limits of one address, and of all."""

    def setUp(self) -> None:
        """Small limits."""
        self.world = SimulatedWorld()
        guard = Guard(per_address=2, new_per_address=4, window_s=600, sockets=6)
        self.counter = Counter(guard, self.world)

    def test_at_a_time(self) -> None:
        """So many of one address; one that ends makes room."""
        hosts = [self.counter.admit(ipv4("192.0.2.1")) for _ in range(2)]
        error = self.assertRaises(TooMany, self.counter.admit, ipv4("192.0.2.1"))
        self.assertEqual(error.text, "too many connections from your address")
        self.counter.admit(ipv4("192.0.2.2"))
        self.counter.release(hosts[0])
        self.counter.admit(ipv4("192.0.2.1"))

    def test_new_ones(self) -> None:
        """So many new ones in ten minutes; the refused ones don't count."""
        for _ in range(4):
            self.world.advance(100)
            self.counter.release(self.counter.admit(ipv4("192.0.2.1")))
        for _ in range(10):
            error = self.assertRaises(TooMany, self.counter.admit, ipv4("192.0.2.1"))
            self.assertIn("new connections", error.text)
        self.world.advance(300)
        self.counter.release(self.counter.admit(ipv4("192.0.2.1")))
        self.assertRaises(TooMany, self.counter.admit, ipv4("192.0.2.1"))

    def test_all(self) -> None:
        """So many in all, also of this machine's own."""
        counted = [self.counter.admit(ipv4("127.0.0.1")) for _ in range(6)]
        error = self.assertRaises(TooMany, self.counter.admit, UNIXAddress("x"))
        self.assertIn("as many connections as it can", error.text)
        self.assertEqual(self.counter.total, 6)
        for host in counted:
            self.counter.release(host)
        self.assertEqual(self.counter.total, 0)

    def test_this_machine(self) -> None:
        """Loopback and UNIX sockets stand for many people, and are trusted."""
        for _ in range(5):
            self.counter.admit(ipv4("127.0.0.1"))
        self.counter.admit(UNIXAddress(None))

    def test_lifted(self) -> None:
        """0 lifts a limit."""
        counter = Counter(Guard(per_address=0, new_per_address=0), self.world)
        for _ in range(200):
            counter.admit(ipv4("192.0.2.1"))
        self.assertEqual(counter.total, 200)

    def test_forgetting(self) -> None:
        """Who has not come for ten minutes is forgotten, faster than others come, and
        never many at once."""
        counter = Counter(Guard(window_s=100, new_per_address=2), self.world)

        def come(numbers: range) -> list[int]:
            known = []
            for number in numbers:
                counter.release(counter.admit(ipv4(f"192.0.2.{number}")))
                known.append(counter.remembered)
            return known

        self.assertEqual(come(range(100)), list(range(1, 101)))
        self.world.advance(60)
        come(range(10))
        self.world.advance(60)
        # Those of the first minute go, two for each who comes; the ten stay.
        self.assertEqual(come(range(200, 245)), list(range(99, 54, -1)))
        self.assertEqual(come(range(200, 201)), [55])
        for number in range(10):
            self.assertEqual(come(range(number, number + 1)), [55])
            self.assertRaises(TooMany, counter.admit, ipv4(f"192.0.2.{number}"))


class AddressTests(SynchronousTestCase):
    """What an address stands for."""

    def test_source(self) -> None:
        """One peer has a whole /64."""
        one = IPv6Address("TCP", "2001:db8::1", 1)
        other = IPv6Address("TCP", "2001:db8::ffff:1", 1)
        far = IPv6Address("TCP", "2001:db8:0:1::1", 1)
        self.assertEqual(source_of(one), source_of(other))
        self.assertNotEqual(source_of(one), source_of(far))
        self.assertEqual(
            source_of(IPv6Address("TCP", "fe80::1%eth0", 1)), "fe80" + "0" * 12
        )
        self.assertEqual(source_of(ipv4("192.0.2.1")), "192.0.2.1")

    def test_ipv4_at_a_door_of_ipv6(self) -> None:
        """A door of both kinds gives IPv4 addresses in IPv6's form: each is one peer,
        called as at any door."""
        first, second = (
            IPv6Address("TCP", f"::ffff:192.0.2.{number}", 4711) for number in (1, 2)
        )
        self.assertEqual(source_of(first), "192.0.2.1")
        self.assertEqual(source_of(second), "192.0.2.2")
        self.assertEqual(address_text(first), "192.0.2.1:4711")

    def test_local(self) -> None:
        """Loopback in all its spellings, and UNIX sockets."""
        for address in (
            ipv4("127.0.0.1"), ipv4("127.9.9.9"), UNIXAddress(None),
            IPv6Address("TCP", "::1", 1), IPv6Address("TCP", "::ffff:127.0.0.1", 1),
        ):  # fmt: skip
            self.assertTrue(is_local(address), address)
        for other in (ipv4("128.0.0.1"), IPv6Address("TCP", "::2", 1), None):
            self.assertFalse(is_local(other), other)

    def test_text(self) -> None:
        """As logs and lists show them."""
        self.assertEqual(address_text(ipv4("192.0.2.1")), "192.0.2.1:4711")
        self.assertEqual(address_text(IPv6Address("TCP", "::1", 80)), "[::1]:80")
        self.assertEqual(address_text(UNIXAddress("/x")), "unix")
        self.assertEqual(address_text(None), "?")

    def test_sockets(self) -> None:
        """Some descriptors stay for files."""
        self.assertEqual(most_sockets(1024), 819)


class EndpointTests(SynchronousTestCase):
    """Endpoint strings, and what they mean when they leave something out."""

    def test_tcp(self) -> None:
        """Loopback and a long backlog, unless told otherwise."""
        reactor = MemoryReactorClock()
        factory = NoFactory()
        for text in (
            "tcp:7600",
            "tcp:port=7600",
            "tcp:7600:interface=0.0.0.0:backlog=5",
        ):
            self.successResultOf(endpoint(reactor, text).listen(factory))
        self.assertEqual(
            [
                (port, backlog, interface)
                for port, _, backlog, interface in reactor.tcpServers
            ],
            [
                (7600, BACKLOG, "127.0.0.1"),
                (7600, BACKLOG, "127.0.0.1"),
                (7600, 5, "0.0.0.0"),
            ],
        )

    def test_unix(self) -> None:
        """For the owner alone."""
        reactor = MemoryReactorClock()
        self.successResultOf(endpoint(reactor, "unix:/x").listen(NoFactory()))
        ((path, _, backlog, mode, want_pid),) = reactor.unixServers
        self.assertEqual((path, backlog, mode, want_pid), ("/x", BACKLOG, 0o600, False))

    def test_not_handed_over(self) -> None:
        """A socket that systemd should hand over and did not is missed by its name."""
        for text in ("systemd:INET:name=irc", "systemd:INET:index=5"):
            with self.assertRaisesRegex(
                ValueError, f"^{text}: systemd has handed over no"
            ):
                endpoint(MemoryReactorClock(), text)

    def test_nonsense(self) -> None:
        """What is no endpoint is an error that repeats it."""
        for text in ("pigeon:7600", "tcp:", "tcp:tea", "unix", "", "tcp:1:2:3:4:5"):
            with self.assertRaises(ValueError) as caught:
                endpoint(MemoryReactorClock(), text)
            self.assertIn(f"{text}: ", str(caught.exception))

    def test_quoted(self) -> None:
        """What is quoted in a path is no end of it, and names no option."""
        for path in ("/a:b", "/a\\b", "/a=b:backlog=7", "/mode=600", "/ends\\"):
            quoted = quoteStringArgument(path).replace("=", r"\=")
            self.assertEqual(socket_path(parts_of(quoted)), path)
            reactor = MemoryReactorClock()
            made = endpoint(reactor, f"unix:{quoted}")
            self.successResultOf(made.listen(NoFactory()))
            ((address, _, backlog, *_),) = reactor.unixServers
            self.assertEqual((address, backlog), (path, BACKLOG))

    def test_named_path(self) -> None:
        """The path may be named, anywhere."""
        for text in ("address=/x", "mode=600:address=/x", "/x", "/x:mode=600"):
            self.assertEqual(socket_path(parts_of(text)), "/x")


class NoFactory(ShellFactory):
    """Never asked for a protocol."""

    def __init__(self) -> None:
        """Nothing is needed."""

    def buildProtocol(self, addr: object) -> Shell:
        """Nobody connects."""
        raise NotImplementedError


class StaleTests(SynchronousTestCase):
    """A socket file that a dead server left behind."""

    def setUp(self) -> None:
        """A folder of its own."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "socket")

    def test_none(self) -> None:
        """Nothing is there: nothing to do."""
        clear_stale(self.path)

    def test_stale(self) -> None:
        """Nobody answers: it goes."""
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(self.path)
        clear_stale(self.path)
        self.assertFalse(os.path.exists(self.path))

    def test_alive(self) -> None:
        """Somebody answers: it stays, and that is an error."""
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self.path)
            server.listen()
            self.assertRaises(FileExistsError, clear_stale, self.path)
        self.assertTrue(os.path.exists(self.path))

    def test_endpoint(self) -> None:
        """A UNIX endpoint clears its path before it listens there, wherever the path
        has its colons."""
        path = f"{self.path}:1"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        made = endpoint(MemoryReactorClock(), f"unix:{quoteStringArgument(path)}")
        self.successResultOf(made.listen(NoFactory()))
        self.assertFalse(os.path.exists(path))

    def test_no_socket(self) -> None:
        """A file that is no socket is never removed."""
        with open(self.path, "w"):
            pass
        self.assertRaises(FileExistsError, clear_stale, self.path)
        self.assertTrue(os.path.exists(self.path))
