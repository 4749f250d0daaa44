"""The one writer of a connection, on a socket pair whose other end the test reads."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from relaychat.model.errors import RelayError, SlowReader
from relaychat.net.outlet import Bounds, Outlet, Setting, SocketOutlet, StreamOutlet
from relaychat.net.shell import tune
from relaychat.testing.world import SimulatedWorld

BLOCK = bytes(range(256)) * 16
"""4 KiB that show where they were cut."""


class Server(tcp.Connection):
    """A transport on a socket, whose reactor is the test."""

    def abortConnection(self) -> None:
        """At once, as there is no reactor to come back to."""
        self.connectionLost(Failure(ConnectionAbortedError()))


class Pair:
    """Two ends of a connection: ours under an outlet, and the peer's."""

    def __init__(self, case: SynchronousTestCase) -> None:
        ours, self.peer = socket.socketpair()
        self.peer.setblocking(False)
        case.addCleanup(self.peer.close)
        case.addCleanup(ours.close)
        self.reactor: Any = MemoryReactor()
        self.transport: Any = Server(ours, Protocol(), self.reactor)
        self.transport.connected = 1
        tune(self.transport)

    def read(self, most: int = 1 << 30) -> bytes:
        """What the peer can read now."""
        data = bytearray()
        while len(data) < most:
            try:
                piece = self.peer.recv(min(65536, most - len(data)))
            except BlockingIOError:
                break
            if not piece:
                break
            data += piece
        return bytes(data)

    def write(self) -> None:
        """The reactor finds our socket writable."""
        if self.transport in self.reactor.writers:
            why = self.transport.doWrite()
            if why is not None:
                self.transport.connectionLost(Failure(why))

    def read_all(self) -> bytes:
        """All that comes while the peer reads and the reactor turns."""
        data = self.read()
        while True:
            self.write()
            piece = self.read()
            if not piece and self.transport not in self.reactor.writers:
                return data
            data += piece


class SocketOutletTests(SynchronousTestCase):
    """Plain sockets."""

    def setUp(self) -> None:
        """An outlet on a pair."""
        self.world = SimulatedWorld()
        self.pair = Pair(self)
        self.drained = 0
        self.stalled: list[RelayError] = []
        self.outlet: Outlet = SocketOutlet(
            Setting(
                self.pair.transport,
                self.world,
                Bounds(),
                self.on_drained,
                self.stalled.append,
            )
        )

    def on_drained(self) -> None:
        """See ``Outlet``."""
        self.drained += 1

    def fill(self) -> bytes:
        """Send until the outlet is full; returns all that was sent."""
        sent = b""
        while True:
            sent += BLOCK
            if not self.outlet.send(BLOCK):
                return sent

    def test_straight_to_the_kernel(self) -> None:
        """An outlet that holds nothing hands over at once, without the reactor."""
        self.assertTrue(self.outlet.send(b"one\n"))
        self.assertTrue(self.outlet.send(b"two\n"))
        self.assertEqual(self.pair.read(), b"one\ntwo\n")
        self.assertEqual(list(self.pair.reactor.writers), [])

    def test_what_the_kernel_does_not_take(self) -> None:
        """Is held and follows in order, whatever is sent meanwhile; then it is straight
        again."""
        sent = self.fill()
        self.assertTrue(self.outlet.full)
        half = self.pair.read(10_000)
        self.outlet.send(b"behind")
        self.assertEqual(half + self.pair.read_all(), sent + b"behind")
        self.assertFalse(self.outlet.full)
        self.assertEqual(self.drained, 1)
        self.outlet.send(b"straight")
        self.assertEqual(self.pair.read(), b"straight")

    def test_one_large_payload(self) -> None:
        """A payload larger than everything is sent in pieces, none of them a copy of
        the rest."""
        payload = BLOCK * 256
        self.assertFalse(self.outlet.send(payload))
        self.assertLessEqual(self.pair.transport._tempDataLen, 16 * 1024)
        self.assertEqual(self.pair.read_all(), payload)

    def test_not_full_not_drained(self) -> None:
        """Who never was full is not told that it has drained."""
        while self.outlet.send(BLOCK) and not self.pair.reactor.writers:
            pass
        self.assertFalse(self.outlet.full)
        self.pair.read_all()
        self.assertEqual(self.drained, 0)

    def test_many_rounds(self) -> None:
        """Blocking and draining again and again loses and doubles nothing."""
        sent, got = b"", b""
        for turn in range(5):
            sent += self.fill()
            got += self.pair.read_all()
            self.assertEqual(self.drained, turn + 1)
        self.assertEqual(got, sent)

    def test_broken_socket(self) -> None:
        """A broken connection is the reactor's to tell; sending goes nowhere."""
        self.pair.peer.close()
        for _ in range(3):
            self.assertTrue(self.outlet.send(BLOCK))

    def test_close_when_idle(self) -> None:
        """Closes at once, and what is sent then goes nowhere."""
        self.outlet.send(b"bye\n")
        self.outlet.close()
        self.outlet.close()
        self.assertTrue(self.outlet.send(b"too late"))
        self.pair.write()
        self.assertEqual(self.pair.read(), b"bye\n")
        self.assertTrue(self.pair.transport.disconnected)

    def test_close_behind_what_is_held(self) -> None:
        """The last word comes behind all others, then the connection ends."""
        sent = self.fill()
        self.outlet.send(b"bye\n")
        self.outlet.close()
        self.outlet.send(b"too late")
        self.assertFalse(self.pair.transport.disconnected)
        self.assertEqual(self.pair.read_all(), sent + b"bye\n")
        self.assertTrue(self.pair.transport.disconnected)
        self.assertEqual(self.drained, 0)
        self.world.advance(60)
        self.assertIsNone(self.world.next_us())

    def test_close_and_nobody_reads(self) -> None:
        """What nobody reads for 10 s is not waited for."""
        self.fill()
        self.outlet.close()
        self.world.advance(9.9)
        self.assertFalse(self.pair.transport.disconnected)
        self.world.advance(0.1)
        self.assertTrue(self.pair.transport.disconnected)

    def test_stall(self) -> None:
        """Without any progress for 30 s the session is told why, and the connection is
        cut."""
        self.fill()
        self.world.advance(29.9)
        self.assertEqual(self.stalled, [])
        self.world.advance(0.1)
        self.assertIsInstance(self.stalled[0], SlowReader)
        self.assertTrue(self.pair.transport.disconnected)

    def test_slow_is_not_stalled(self) -> None:
        """A reader that reads a little every 20 s lives."""
        self.fill()
        for _ in range(4):
            self.world.advance(20)
            self.pair.read(40_000)
            self.pair.write()
            self.outlet.send(BLOCK * 10)
        self.assertEqual(self.stalled, [])
        self.assertFalse(self.pair.transport.disconnected)

    def test_lost(self) -> None:
        """Nothing is left of a lost connection: no timer, no payload."""
        self.fill()
        self.pair.transport.connectionLost(Failure(ConnectionResetError()))
        self.outlet.lost()
        self.assertIsNone(self.world.next_us())
        self.assertTrue(self.outlet.send(b"x"))
        self.outlet.close()
        self.assertEqual(self.stalled, [])


class Stream:
    """A transport that is not a socket's own, as TLS is: it says when it has enough."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.written = b""
        self.producer: Any = None
        self.closed = self.aborted = False

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Only push producers."""
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        """It will not be asked again."""
        self.producer = None

    def write(self, data: bytes) -> None:
        """Take it, and say if that is enough."""
        self.written += data
        if len(self.written) >= self.room and self.producer is not None:
            self.producer.pauseProducing()

    def read(self) -> bytes:
        """The peer reads all of it."""
        data, self.written = self.written, b""
        if self.producer is not None:
            self.producer.resumeProducing()
        return data

    def loseConnection(self) -> None:
        """Close politely: that takes the peer's part in it."""
        self.closed = True

    def abortConnection(self) -> None:
        """Cut."""
        self.aborted = True


class StreamOutletTests(SynchronousTestCase):
    """All other transports."""

    def setUp(self) -> None:
        """An outlet on a transport that wants no more than 32 KiB."""
        self.world = SimulatedWorld()
        self.transport = Stream(32 * 1024)
        self.drained = 0
        self.stalled: list[RelayError] = []
        self.outlet = StreamOutlet(
            Setting(
                self.transport,
                self.world,
                Bounds(),
                self.on_drained,
                self.stalled.append,
            )
        )

    def on_drained(self) -> None:
        """See ``Outlet``."""
        self.drained += 1

    def fill(self) -> bytes:
        """Send until the outlet is full; returns all that was sent."""
        sent = b""
        while True:
            sent += BLOCK
            if not self.outlet.send(BLOCK):
                return sent

    def test_flow(self) -> None:
        """Held, in pieces, in order, drained; then straight again."""
        sent = self.fill()
        self.assertLessEqual(len(self.transport.written), 32 * 1024)
        got = b""
        while self.outlet.full:
            got += self.transport.read()
        got += self.transport.read()
        self.assertEqual(got, sent)
        self.assertEqual(self.drained, 1)
        self.outlet.send(b"straight")
        self.assertEqual(self.transport.written, b"straight")

    def test_stall(self) -> None:
        """Without any progress for 30 s it is cut."""
        self.fill()
        self.transport.producer.pauseProducing()
        self.world.advance(30)
        self.assertIsInstance(self.stalled[0], SlowReader)
        self.assertTrue(self.transport.aborted)

    def test_idle_is_not_stalled(self) -> None:
        """Whoever has read everything may have nothing to read for as long as it likes,
        however often it had been behind."""
        for _ in range(3):
            self.fill()
            while self.transport.read():
                self.world.advance(1)
        self.assertIsNone(self.world.next_us())
        self.world.advance(300)
        self.assertEqual(self.stalled, [])

    def test_close_has_one_deadline(self) -> None:
        """A little progress does not put off the end."""
        self.fill()
        self.outlet.close()
        self.world.advance(9)
        self.transport.read()
        self.world.advance(1)
        self.assertTrue(self.transport.aborted)

    def test_close(self) -> None:
        """Behind what is held, then politely."""
        sent = self.fill()
        self.outlet.close()
        self.assertFalse(self.transport.closed)
        got = b""
        while not self.transport.closed:
            got += self.transport.read()
        self.assertEqual(got + self.transport.written, sent)
        self.assertIsNone(self.transport.producer)

    def test_close_and_the_peer_does_not(self) -> None:
        """A polite end needs the peer; who takes no part in it is cut after 10 s."""
        self.outlet.send(b"bye\n")
        self.outlet.close()
        self.outlet.send(b"too late")
        self.assertEqual(self.transport.written, b"bye\n")
        self.assertTrue(self.transport.closed)
        self.assertFalse(self.transport.aborted)
        self.world.advance(10)
        self.assertTrue(self.transport.aborted)

    def test_lost(self) -> None:
        """Nothing is left of a lost connection."""
        self.fill()
        self.outlet.close()
        self.outlet.lost()
        self.assertIsNone(self.world.next_us())
