"""Sockets of discovery: where is asked, and how little is read of a flood."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.datagrams import (
    GROUP_4,
    GROUP_6,
    PAUSE_S,
    READ_AT_ONCE,
    RECEIVE_BYTES,
    Reader,
    answering_socket,
    asking_addresses,
    asking_socket,
    back,
    ways,
)
from relaychat.net.interfaces import Interface, read_interfaces
from relaychat.testing.world import SimulatedWorld
from tests.net.lan import LAN, LOOPBACK, OFFICE, Readers, interface


def asked(at: Interface) -> list[tuple[str, str]]:
    """All ways to ask by an interface."""
    return [
        (way.name, str(way.to))
        for address in asking_addresses(at)
        for way in ways(at, address, 7602)
    ]


class WayTests(SynchronousTestCase):
    def test_lan(self) -> None:
        """By broadcast to the network and to all, by both groups; of the IPv6 addresses
        the link-local one asks."""
        self.assertEqual(
            asked(LAN),
            [
                ("broadcast", "192.168.1.255"),
                ("broadcast", "255.255.255.255"),
                ("multicast", str(GROUP_4)),
                ("multicast", str(GROUP_6)),
            ],
        )
        self.assertEqual(asked(OFFICE)[0], ("broadcast", "10.1.255.255"))

    def test_loopback(self) -> None:
        """On loopback all relays of the machine are reached."""
        self.assertEqual(
            asked(LOOPBACK),
            [
                ("broadcast", "127.255.255.255"),
                ("multicast", str(GROUP_4)),
                ("unicast", "::1"),
            ],
        )

    def test_tunnel(self) -> None:
        """By what can send to one end only, nobody is asked."""
        tunnel = interface("tun0", 4, "10.9.0.1/32", broadcast=False, multicast=False)
        self.assertEqual(asked(tunnel), [])

    def test_scope(self) -> None:
        """The IPv6 group is asked on the interface itself."""
        (six,) = [one for one in asking_addresses(LAN) if one.ip.version == 6]
        (way,) = ways(LAN, six, 7602)
        self.assertEqual(way.sockaddr, (str(GROUP_6), 7602, 0, LAN.index))


class TieTests(SynchronousTestCase):
    def test_asking(self) -> None:
        """Who asks by an interface sends and hears by it alone, also where another one
        claims the same network."""
        (loopback,) = [one for one in read_interfaces() if one.loopback]
        for address in asking_addresses(loopback):
            with asking_socket(loopback, address) as sock:
                name = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
            self.assertEqual(name.rstrip(b"\0").decode(), loopback.name)

    def test_no_such_interface(self) -> None:
        """An interface that is gone is an error, and leaves no socket open."""
        ghost = interface("rcghost0", 99, "127.0.0.1/8")
        (address,) = ghost.of(4)
        self.assertRaises(OSError, asking_socket, ghost, address)


class BackTests(SynchronousTestCase):
    """Which address of ours an answer comes from."""

    def test_asked(self) -> None:
        """The one that was asked. It goes by whichever interface the socket has."""
        kind = (socket.IPPROTO_IP, 8)  # IP_PKTINFO
        here, told = IPv4Address("10.0.0.7").packed, IPv4Address("10.0.0.255").packed
        asked = struct.pack("@i", 3) + here + told
        self.assertEqual(
            back([(1, 1, b"x"), (*kind, asked)]),
            [(*kind, struct.pack("@i", 0) + here + bytes(4))],
        )
        six = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)
        asked = IPv6Address("fe80::7").packed + struct.pack("@i", 3)
        self.assertEqual(back([(*six, asked)]), [(*six, asked)])

    def test_group(self) -> None:
        """Not the group, if that was asked, and none that is not known."""
        asked = GROUP_6.packed + struct.pack("@i", 3)
        self.assertEqual(back([(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, asked)]), [])
        self.assertEqual(back([]), [])


class ReaderTests(SynchronousTestCase):
    """On the real loopback, without a reactor."""

    def setUp(self) -> None:
        self.world, self.reactor = SimulatedWorld(), Readers()
        (loopback,) = [one for one in read_interfaces() if one.loopback]
        try:
            sock = answering_socket(loopback, 4, 0)
        except PermissionError as error:
            self.skipTest(f"sockets can't be bound to an interface here: {error}")
        self.got: list[bytes] = []
        self.reader = Reader(
            self.reactor, self.world.later, sock, lambda *got: self.got.append(got[0])
        )
        self.addCleanup(self.reader.close)
        self.port = sock.getsockname()[1]
        (address,) = loopback.of(4)[:1]
        self.sender = asking_socket(loopback, address)
        self.addCleanup(self.sender.close)
        self.ways = list(ways(loopback, address, self.port))

    def test_every_way_arrives(self) -> None:
        """Broadcast and multicast are heard, also on loopback."""
        for way in self.ways:
            self.sender.sendto(way.name.encode(), way.sockaddr)
            self.reader.doRead()
        self.assertEqual(self.got, [b"broadcast", b"multicast"])

    def test_several_relays_of_a_machine(self) -> None:
        """Each of them hears the question."""
        (loopback,) = [one for one in read_interfaces() if one.loopback]
        with answering_socket(loopback, 4, self.port) as other:
            for way in self.ways:
                self.sender.sendto(b"who", way.sockaddr)
                self.reader.doRead()
                self.assertEqual(other.recv(99), b"who")
        self.assertEqual(self.got, [b"who"] * len(self.ways))

    def test_flood(self) -> None:
        """Of a flood a few datagrams are read, then none for a while; what waits is
        bounded by the kernel."""
        for _ in range(10):
            for _ in range(300):
                self.sender.sendto(b"x", ("127.0.0.1", self.port))
            before = len(self.got)
            self.reader.doRead()
            self.assertEqual(len(self.got) - before, READ_AT_ONCE)
            self.assertEqual(self.reactor.reading, [])
            self.world.advance(PAUSE_S)
            self.assertEqual(self.reactor.reading, [self.reader])
        # Linux counts its own part of each datagram, and doubles what was asked for.
        held = self.reader.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self.assertLessEqual(held, 2 * RECEIVE_BYTES)

    def test_quiet(self) -> None:
        """Where little comes, reading goes on."""
        for _ in range(READ_AT_ONCE - 1):
            self.sender.sendto(b"x", ("127.0.0.1", self.port))
        self.reader.doRead()
        self.assertEqual(len(self.got), READ_AT_ONCE - 1)
        self.assertEqual(self.reactor.reading, [self.reader])

    def test_a_bug_is_logged(self) -> None:
        """What can't be dealt with is logged, and the next one read."""

        def broken(data: bytes, sender: object, ancillary: object) -> None:
            self.got.append(data)
            raise ZeroDivisionError

        self.reader._received = broken
        for word in (b"a", b"b"):
            self.sender.sendto(word, ("127.0.0.1", self.port))
        self.reader.doRead()
        self.assertEqual(self.got, [b"a", b"b"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_closed_while_paused(self) -> None:
        """A reader that is closed in a pause does not come back."""
        for _ in range(READ_AT_ONCE):
            self.sender.sendto(b"x", ("127.0.0.1", self.port))
        self.reader.doRead()
        self.reader.close()
        self.world.advance(PAUSE_S)
        self.assertEqual(self.reactor.reading, [])
