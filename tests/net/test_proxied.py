"""Doors behind a proxy."""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet import ssl
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.internet.testing import StringTransport
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.listen import Counter, Guard
from relaychat.net.outlet import Bounds, StreamOutlet
from relaychat.net.proxied import (
    COMPLAIN_S,
    HEADER_S,
    Complaints,
    Proxied,
    ProxiedFactory,
    Proxies,
)
from relaychat.net.shell import SEND_BUFFER_BYTES, Shell
from relaychat.session.native import Native
from relaychat.testing.relay import Relay
from relaychat.wire.proxy import SIGNATURE
from tests.net.pki import connections
from tests.net.test_shell import HELLO, SocketCase, Watched, certificate

PROXY = IPv4Address("TCP", "10.0.0.1", 4711)
OTHER = IPv4Address("TCP", "10.0.0.2", 4711)
ANN = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 6697\r\n"
NOBODY = b"PROXY UNKNOWN\r\n"


class ProxiesTests(SynchronousTestCase):
    """Who is a proxy."""

    def test_who(self) -> None:
        """Addresses, networks, UNIX sockets, each only if named."""
        proxies = Proxies(["10.0.0.1", "2001:db8::/32", "unix"])
        ours: tuple[IAddress, ...] = (
            PROXY, IPv6Address("TCP", "::ffff:10.0.0.1", 1), UNIXAddress(None),
            IPv6Address("TCP", "2001:db8::7", 1),
        )  # fmt: skip
        for address in ours:
            self.assertIn(address, proxies)
        for other in (OTHER, IPv6Address("TCP", "::1", 1), None):
            self.assertNotIn(other, proxies)
        self.assertNotIn(UNIXAddress(None), Proxies(["10.0.0.1"]))
        self.assertIn(IPv6Address("TCP", "fe80::1%eth0", 1), Proxies(["fe80::/10"]))

    def test_wrong(self) -> None:
        """What is no address is an error."""
        self.assertRaises(ValueError, Proxies, ["proxy.test"])


class Coming(StringTransport):
    """A proxy's connection."""

    protocol: Any = None


class HeaderTests(SynchronousTestCase):
    """A proxy's connection, up to the peer's session."""

    def setUp(self) -> None:
        self.relay = Relay()
        self.lines: list[str] = []
        remember: Any = lambda event: self.lines.append(formatEvent(event))  # noqa: E731
        log = Logger(namespace="proxy", observer=remember)
        self.counter = Counter(Guard(per_address=2), self.relay.world)
        host = self.relay.host(Native)
        self.doors = Watched(host, Bounds(), False, self.counter)
        self.factory = ProxiedFactory(
            self.doors,
            Proxies(["10.0.0.1", "unix"]),
            self.relay.world,
            Complaints(log, self.relay.world),
        )

    def come(self, data: bytes, address: Any = PROXY) -> Coming:
        """A proxy comes and sends something."""
        coming = Coming(peerAddress=address)
        coming.protocol = self.factory.buildProtocol(address)
        coming.protocol.makeConnection(coming)
        coming.protocol.dataReceived(data)
        return coming

    def welcomed(self, transport: Coming) -> bool:
        """Whether a session answers."""
        self.relay.world.run()
        return b'"type":"welcome"' in transport.value()

    def links(self) -> list[Any]:
        """Of all sessions, those that are over as well."""
        sessions = [shell.session for shell in self.doors.shells]
        return [session.link for session in sessions if session is not None]

    def peers(self) -> list[str]:
        """Where they come from."""
        return [link.peer for link in self.links()]

    def test_peer(self) -> None:
        """The peer behind the proxy is the one that counts, and what follows the
        header is its own."""
        self.assertTrue(self.welcomed(self.come(ANN + HELLO)))
        self.assertEqual(self.peers(), ["192.0.2.1:56324"])

    def test_in_pieces(self) -> None:
        """Headers may come byte by byte."""
        transport = self.come(b"")
        for byte in ANN + HELLO:
            transport.protocol.dataReceived(bytes([byte]))
        self.assertTrue(self.welcomed(transport))

    def test_limits(self) -> None:
        """Connections are counted for the peers, not for the proxy."""
        for _ in range(2):
            self.come(ANN)
        last = self.come(ANN)
        self.assertIn(b'"code":"too_many"', last.value())
        for number in range(2, 30):
            other = b"PROXY TCP4 192.0.2.%d 198.51.100.1 1 2\r\n" % number
            self.assertNotIn(b"too_many", self.come(other).value())
        self.assertEqual(self.counter.total, 30)

    def test_proxy_itself(self) -> None:
        """Without an address, or with one of this machine, it is the proxy."""
        local = b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"
        for header in (NOBODY, local, b"PROXY TCP6 ::1 ::1 1 2\r\n"):
            self.come(header)
        self.assertEqual(self.peers(), ["10.0.0.1:4711"] * 2)  # The third is too many.

    def test_nobody_is_made_local(self) -> None:
        """Only a proxy on this machine speaks for it, and lends nobody its user."""
        self.come(b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n")
        self.come(NOBODY, UNIXAddress(None))
        far, near = self.links()
        self.assertFalse(far.exempt or far.secure)
        self.assertTrue(near.exempt and near.secure)
        self.assertIsNone(near.uid)

    def test_secure(self) -> None:
        """Who came to the proxy by TLS has come by TLS."""
        body = bytes(12) + b"\x20\x00\x05\x01\0\0\0\0"
        for proxied, secure in ((body, True), (body[:12], False)):
            head = struct.pack("!BBH", 0x21, 0x11, len(proxied))
            self.come(SIGNATURE + head + proxied)
            self.assertEqual(self.links()[-1].secure, secure)

    def test_others(self) -> None:
        """Who is no proxy of ours is not let in, and one line says so."""
        self.assertIsNone(self.factory.buildProtocol(OTHER))
        [line] = self.lines
        self.assertIn("10.0.0.2:4711: refused, for it is none of this door's", line)

    def test_no_header(self) -> None:
        """A proxy that sends something else is cut."""
        transport = self.come(HELLO)
        self.assertTrue(transport.disconnected)
        self.assertEqual(transport.value(), b"")
        self.assertIn("a header of the PROXY protocol was due", self.lines[0])

    def test_silent(self) -> None:
        """So is one that does not finish its header in time."""
        for data in (b"", ANN[:-1], SIGNATURE):
            transport = self.come(data)
            self.relay.world.advance(HEADER_S - 0.1)
            self.assertFalse(transport.disconnected)
            self.relay.world.advance(0.1)
            self.assertTrue(transport.disconnected)
            transport.protocol.dataReceived(ANN)
            self.assertEqual(transport.value(), b"")
        self.assertEqual(self.counter.total, 0)

    def test_gone(self) -> None:
        """Who goes early leaves nothing behind; who goes later, no session."""
        self.come(b"PROXY").protocol.connectionLost()
        self.assertIsNone(self.relay.world.next_us())
        self.come(ANN).protocol.connectionLost()
        self.assertEqual((len(self.peers()), self.counter.total), (1, 0))

    def test_no_protocol(self) -> None:
        """Where there is no protocol for a peer, its connection is cut."""
        self.patch(self.doors, "buildProtocol", lambda address: None)
        self.assertTrue(self.come(ANN).disconnected)

    def test_few_lines(self) -> None:
        """However many are refused, there is a line a minute."""
        for _ in range(1000):
            self.factory.buildProtocol(OTHER)
        self.relay.world.advance(COMPLAIN_S)
        self.factory.buildProtocol(OTHER)
        self.assertEqual(len(self.lines), 2)
        self.assertIn("(999 more since the last line)", self.lines[1])


class SocketTests(SocketCase):
    """The same on real sockets."""

    def behind(self, made: Any) -> Proxied:
        """Put this machine's proxies before an endpoint."""
        quiet: Any = lambda event: None  # noqa: E731
        log = Logger(namespace="proxy", observer=quiet)
        return Proxied(made, Proxies(["127.0.0.1", "unix"]), self.host.world, log)

    async def converse(self, tls: bool, path: str = "") -> Shell:
        """A proxy comes for a peer, who says hello; its shell."""
        pem = certificate(self.folder / "t.pem")
        description = f"unix:{path}" if path else "tcp:0"
        server = connections(pem) if tls else None
        factory: Any = await self.serve(description, server, behind=self.behind)
        client = ssl.CertificateOptions() if tls else None
        reader = await self.connect(f"unix:{path}" if path else "", client, before=ANN)
        reader.transport.write(HELLO)
        await reader.until(b"members_total")
        [shell] = factory.shells
        assert isinstance(shell, Shell)
        return shell

    async def test_plain(self) -> None:
        """The peer's address, and the proxy's socket, tuned as any other."""
        shell = await self.converse(tls=False)
        assert shell.session is not None
        link: Any = shell.session.link
        self.assertEqual(link.peer, "192.0.2.1:56324")
        self.assertFalse(link.secure or link.exempt)
        self.assertIsInstance(link.outlet, StreamOutlet)
        handle = link.transport.getHandle()
        size = handle.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        self.assertEqual(size, 2 * SEND_BUFFER_BYTES)

    async def test_tls(self) -> None:
        """TLS behind the header."""
        shell = await self.converse(tls=True)
        assert shell.session is not None
        link = shell.session.link
        self.assertEqual((link.peer, link.secure), ("192.0.2.1:56324", True))

    async def test_unix(self) -> None:
        """A proxy that comes by a UNIX socket."""
        shell = await self.converse(tls=False, path=str(self.folder / "p.sock"))
        assert shell.session is not None
        self.assertEqual(shell.session.link.peer, "192.0.2.1:56324")
        self.assertIsNone(shell.session.link.uid)
