"""Sessions on real sockets: TCP, TLS and UNIX carry the same bytes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import clientFromString, wrapClientTLS
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from relaychat.app.certificate import development_certificate
from relaychat.app.world import ReactorWorld
from relaychat.hub.hooks import Hooks
from relaychat.hub.house import Counts, House
from relaychat.hub.hub import Alarms, Hub
from relaychat.hub.limits import Limits
from relaychat.model.admission import Admission
from relaychat.model.words import Word
from relaychat.net.listen import (
    Behind,
    Counter,
    Guard,
    GuardedFactory,
    as_it_is,
)
from relaychat.net.listen import endpoint as server_endpoint
from relaychat.net.outlet import Bounds, SocketOutlet, StreamOutlet
from relaychat.net.shell import HANDSHAKE_S, SEND_BUFFER_BYTES, Connection, Shell
from relaychat.net.tls import Clients
from relaychat.session.host import Host
from relaychat.session.native import Native
from relaychat.session.states import State
from relaychat.store.memory import MemoryStore
from relaychat.testing.relay import Relay
from tests.net.pki import FOR_CLIENTS, connections, make

HELLO = b'{"type":"hello","nick":"ann"}\n{"type":"join","room":"#tea"}\n'
LONG = b'{"type":"send","room":"#tea","text":"' + b"x" * 30_000 + b'","id":%d}\n'
BYE = b'{"type":"bye"}\n'


def certificate(path: Path) -> Path:
    """A self-signed one, with its key."""
    return development_certificate(path, "relay.test", 1_800_000_000_000)


class Reader(Protocol):
    """The peer's end: remembers what it reads, and waits for something in it."""

    transport: Any

    def __init__(self) -> None:
        self.data = b""
        self.closed: Deferred[bytes] = Deferred()
        self._wanted: list[tuple[bytes, Deferred[bytes]]] = []

    def dataReceived(self, data: bytes) -> None:
        """More to read."""
        self.data += data
        for wanted, found in list(self._wanted):
            if wanted in self.data:
                self._wanted.remove((wanted, found))
                found.callback(self.data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """The end of it."""
        closed, self.closed = self.closed, succeed(self.data)
        closed.callback(self.data)

    def end(self) -> Deferred[bytes]:
        """Cut the connection, if it is still there."""
        if self.transport is not None and not self.closed.called:
            self.transport.abortConnection()
        return self.closed

    def until(self, wanted: bytes) -> Deferred[bytes]:
        """All that was read, once it has this in it."""
        if wanted in self.data:
            return succeed(self.data)
        found: Deferred[bytes] = Deferred()
        self._wanted.append((wanted, found))
        return found


class SocketCase(TestCase):
    """A hub in memory behind real listeners."""

    def setUp(self) -> None:
        """The hub, and a folder for sockets."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.bugs: list[str] = []
        world = ReactorWorld(reactor)
        house = House("relay.test", world, Limits(), Hooks(self.report), Counts())
        alarms = Alarms(self.report, self.report, lambda: None)
        self.hub = Hub(house, MemoryStore(), alarms)
        self.hub.start()
        self.host = Host(
            Native,
            self.hub,
            world,
            lambda hello, session: succeed(Admission()),
            self.report,
        )
        self.counter = Counter(Guard(sockets=5), world)
        self.addCleanup(lambda: self.assertEqual(self.bugs, []))

    def report(self, text: str) -> None:
        """Remember a bug."""
        self.bugs.append(text)

    async def serve(
        self,
        description: str,
        tls: Any = None,
        bounds: Bounds | None = None,
        behind: Behind = as_it_is,
    ) -> GuardedFactory:
        """Listen there until the test ends."""
        factory = Watched(self.host, bounds or Bounds(), tls is not None, self.counter)
        made = server_endpoint(reactor, description, tls, behind)
        self.port = await made.listen(factory)
        self.addCleanup(self.port.stopListening)
        return factory

    async def connect(
        self, description: str = "", tls: Any = None, before: bytes = b""
    ) -> Reader:
        """A peer; closed when the test ends, and the server's end with it. It sends
        something ``before`` TLS."""
        if not description:
            address: Any = self.port.getHost()
            description = f"tcp:127.0.0.1:{address.port}"
        endpoint: Any = Prefaced(clientFromString(reactor, description), before)
        if tls is not None:
            endpoint = wrapClientTLS(tls, endpoint)
        reader = await endpoint.connect(Factory.forProtocol(Reader))
        assert isinstance(reader, Reader)
        self.addCleanup(reader.end)
        return reader


class Prefaced:
    """An endpoint of a client that sends something before anything else."""

    def __init__(self, made: Any, preface: bytes) -> None:
        self._made = made
        self._preface = preface

    def connect(self, factory: Any) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        wrapping: Any = WrappingFactory(factory)
        wrapping.protocol = partial(Preface, self._preface)
        connected: Deferred[Any] = self._made.connect(wrapping)
        return connected.addCallback(lambda wrapper: wrapper.wrappedProtocol)


class Preface(ProtocolWrapper):
    """Sends it, and stands aside."""

    def __init__(self, preface: bytes, factory: Any, wrapped: Any) -> None:
        super().__init__(factory, wrapped)
        self._preface = preface

    def makeConnection(self, transport: Any) -> None:
        """See IProtocol."""
        transport.write(self._preface)
        super().makeConnection(transport)


class Watched(GuardedFactory):
    """Lets tests see the shells, and wait for their end."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.shells: list[Shell] = []
        self.gone: list[Deferred[None]] = []

    def buildProtocol(self, addr: Any) -> Any:
        """See ``GuardedFactory``."""
        shell = super().buildProtocol(addr)
        if isinstance(shell, Shell):
            self.shells.append(shell)
            gone: Deferred[None] = Deferred()
            self.gone.append(gone)
            release = shell.on_lost
            assert release is not None
            shell.on_lost = both(release, lambda: gone.callback(None))
        return shell


def both(one: Callable[[], None], other: Callable[[], None]) -> Callable[[], None]:
    """One call that makes two."""

    def call() -> None:
        one()
        other()

    return call


class ConversationTests(SocketCase):
    """A whole conversation on each kind of socket."""

    async def converse(self, reader: Reader) -> None:
        """Hello, join, bye, and the server hangs up."""
        reader.transport.write(HELLO)
        await reader.until(b'"members_total":1}\n')
        reader.transport.write(BYE)
        data = await reader.closed
        self.assertTrue(
            data.endswith(b'{"type":"bye","code":"bye","text":"goodbye"}\n')
        )

    async def test_tcp(self) -> None:
        """Plain TCP: direct sends, a small send buffer, no delay."""
        factory: Any = await self.serve("tcp:0")
        reader = await self.connect()
        await self.converse(reader)
        await factory.gone[0]
        (shell,) = factory.shells
        link: Connection = shell.session.link
        self.assertIsInstance(link.outlet, SocketOutlet)
        self.assertTrue(link.exempt and link.secure)
        self.assertEqual(link.uid, None)
        self.assertTrue(link.peer.startswith("127.0.0.1:"))
        self.assertEqual(self.counter.total, 0)
        self.assertEqual(factory.logPrefix(), "native")

    async def test_unix(self) -> None:
        """A UNIX socket: for the owner alone, and the kernel says who it is."""
        path = str(self.folder / "native.sock")
        factory: Any = await self.serve(f"unix:{path}")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        reader = await self.connect(f"unix:{path}")
        await self.converse(reader)
        await factory.gone[0]
        link = factory.shells[0].session.link
        self.assertEqual((link.uid, link.peer), (os.geteuid(), "unix"))
        self.assertIsInstance(link.outlet, SocketOutlet)

    async def test_tls(self) -> None:
        """TLS around TCP: the session begins with the handshake's end."""
        pem = development_certificate(
            self.folder / "t.pem", "relay.test", 1_800_000_000_000
        )
        factory: Any = await self.serve("tcp:0", connections(pem))
        reader = await self.connect(tls=ssl.CertificateOptions())
        self.assertIsNone(factory.shells[0].session)
        await self.converse(reader)
        await factory.gone[0]
        link = factory.shells[0].session.link
        self.assertIsInstance(link.outlet, StreamOutlet)
        self.assertTrue(link.secure)
        self.assertIsNone(link.certificate)

    async def test_tls_around_unix(self) -> None:
        """TLS around a UNIX socket: the kernel says who it is there, too."""
        pem = certificate(self.folder / "t.pem")
        path = str(self.folder / "tls.sock")
        factory: Any = await self.serve(f"unix:{path}", connections(pem))
        reader = await self.connect(f"unix:{path}", ssl.CertificateOptions())
        await self.converse(reader)
        await factory.gone[0]
        self.assertEqual(factory.shells[0].session.link.uid, os.geteuid())

    async def test_client_certificate(self) -> None:
        """A client that shows a certificate is known by it."""
        pem = certificate(self.folder / "t.pem")
        ann = make("ann", usage=FOR_CLIENTS)
        shows: dict[str, Any] = {"certificate": ann.certificate, "privateKey": ann.key}
        server = connections(pem, Clients(asked=True))
        factory: Any = await self.serve("tcp:0", server)
        reader = await self.connect(tls=ssl.CertificateOptions(**shows))
        await self.converse(reader)
        await factory.gone[0]
        digest = ann.certificate.fingerprint(SHA256()).hex()
        self.assertEqual(factory.shells[0].session.link.certificate, digest)

    async def test_socket_options(self) -> None:
        """The kernel may hold little for a reader, and sends without waiting."""
        factory: Any = await self.serve("tcp:0")
        reader = await self.connect()
        reader.transport.write(HELLO)
        await reader.until(b"members_total")
        handle = factory.shells[0].transport.getHandle()
        size = handle.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        self.assertEqual(size, 2 * SEND_BUFFER_BYTES)
        self.assertTrue(handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        self.assertTrue(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    async def test_pause(self) -> None:
        """A session that is full of commands is not read, and loses none."""
        await self.serve("tcp:0")
        reader = await self.connect()
        reader.transport.write(HELLO)
        for number in range(2000):
            line = b'{"type":"send","room":"#tea","text":"x","id":%d}\n' % number
            reader.transport.write(line)
        data = await reader.until(b'"id":1999}\n')
        told = [line for line in data.splitlines() if line.startswith(b'{"type":"ok"')]
        self.assertEqual(len(told), 2000)

    async def test_slow_reader(self) -> None:
        """A reader that falls behind catches up from the log when it reads again."""
        await self.slow_reader()

    async def test_slow_reader_of_tls(self) -> None:
        """The same under TLS."""
        pem = certificate(self.folder / "t.pem")
        await self.slow_reader(connections(pem), ssl.CertificateOptions())

    async def slow_reader(self, server: Any = None, client: Any = None) -> None:
        """Ann talks, Bob does not read, until he does."""
        patient = Bounds(stall_s=600)  # the machine may be slow, too
        factory: Any = await self.serve("tcp:0", server, patient)
        ann, bob = await self.connect(tls=client), await self.connect(tls=client)
        ann.transport.write(HELLO)
        await ann.until(b"members_total")
        bob.transport.write(HELLO.replace(b"ann", b"bob"))
        await bob.until(b"members_total")
        bob.transport.pauseProducing()
        link = factory.shells[1].session.link
        number = behind = 0
        while behind < 5:
            number += 1
            behind += link.full
            ann.transport.write(LONG % number)
            await ann.until(b'"id":%d}' % number)
        self.assertLess(number, 300)
        bob.transport.resumeProducing()
        data = await bob.until(b'"seq":%d,' % (number + 2))
        self.assertEqual(data.count(b'{"type":"said"'), number)
        while link.full:  # Bob has it all; that Ann's side hears so may take a moment.
            await deferLater(reactor, 0)

    async def test_stalled_reader(self) -> None:
        """A reader that reads nothing at all is cut, and the session ended."""
        bounds = Bounds(stall_s=0.05)
        factory: Any = await self.serve("tcp:0", bounds=bounds)
        ann, bob = await self.connect(), await self.connect()
        bob.transport.write(HELLO.replace(b"ann", b"bob"))
        await bob.until(b"members_total")
        bob.transport.pauseProducing()
        while not factory.shells[1].session.link.full:
            factory.shells[1].session.send(b"x" * 60_000)
        await factory.gone[1]
        self.assertEqual(factory.shells[1].session.state, State.CLOSED)
        ann.transport.loseConnection()

    async def test_lost(self) -> None:
        """A connection that breaks is told to the others."""
        factory: Any = await self.serve("tcp:0")
        ann, bob = await self.connect(), await self.connect()
        ann.transport.write(HELLO)
        await ann.until(b"members_total")
        bob.transport.write(HELLO.replace(b"ann", b"bob"))
        await bob.until(b"members_total")
        ann.transport.abortConnection()
        await factory.gone[0]
        await bob.until(b'"reason":"connection lost","cause":"lost"')

    async def test_refused(self) -> None:
        """One connection too many is told why, and closed."""
        await self.serve("tcp:0")
        for _ in range(5):
            await self.connect()
        last = await self.connect()
        data = await last.closed
        self.assertIn(b'"code":"too_many"', data)

    async def test_refused_without_a_word(self) -> None:
        """A dialect that can't say it has a bug, which is reported; the connection is
        cut all the same."""

        class Broken(Native):
            def encode(self, event: Word) -> bytes:
                raise AttributeError("session")

        self.host = self.host._replace(dialect=Broken)
        await self.serve("tcp:0")
        self.counter.total = 5
        last = await self.connect()
        self.assertEqual(await last.closed, b"")
        self.assertEqual(self.bugs, ["native: a refusal can't be shown"])
        self.bugs.clear()
        self.counter.total = 0

    async def test_refused_before_tls(self) -> None:
        """Under TLS there is nothing to say before a handshake: it is cut."""
        pem = development_certificate(
            self.folder / "t.pem", "relay.test", 1_800_000_000_000
        )
        await self.serve("tcp:0", connections(pem))
        self.counter.total = 5
        last = await self.connect()
        data = await last.closed
        self.assertEqual(data, b"")
        self.counter.total = 0


class HandshakeTests(SynchronousTestCase):
    """Peers that come to a TLS port and do not speak it."""

    def setUp(self) -> None:
        """A shell that waits for the handshake."""
        self.relay = Relay()
        self.transport = StringTransport()
        self.shell = Shell(self.relay.host(Native), Bounds(), True)
        self.shell.makeConnection(self.transport)

    def test_silent(self) -> None:
        """No handshake within 5 s: cut."""
        self.relay.world.advance(HANDSHAKE_S)
        self.assertTrue(self.transport.disconnected)

    def test_gone_before(self) -> None:
        """Who goes first leaves nothing behind."""
        self.shell.dataReceived(b"x")
        self.shell.connectionLost()
        self.assertIsNone(self.relay.world.next_us())

    def test_handshake(self) -> None:
        """After it the session has its own time."""
        self.shell.handshakeCompleted()
        self.relay.world.advance(HANDSHAKE_S)
        self.assertFalse(self.transport.disconnected)
        self.assertIsNotNone(self.shell.session)
        self.relay.world.advance(HANDSHAKE_S)
        self.assertIn(b"no hello in time", self.transport.value())
