"""Twisted's own transport on simulated sockets, in simulated processes."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    AlreadyCalled,
    AlreadyCancelled,
    CannotListenError,
    ConnectError,
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from relaychat.net.listen import endpoint
from relaychat.testing.simulation.network import Network
from relaychat.testing.simulation.process import Process
from relaychat.testing.simulation.reactor import Dial, SimulatedReactor
from relaychat.testing.simulation.sockets import Weather
from relaychat.testing.simulation.trace import Trace
from relaychat.testing.world import SimulatedWorld


class Notes(Protocol):
    """Writes down what it hears; the server's says it back."""

    transport: Any

    def __init__(self, echo: bool) -> None:
        self.echo = echo
        self.heard = b""
        self.reason: Any = None

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if self.echo:
            self.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.reason = reason.type


class ReactorTestCase(TestCase):
    """A server that echoes, and clients."""

    def setUp(self) -> None:
        self.world = SimulatedWorld()
        self.trace = Trace(self.world)
        weather = Weather(buffer_bytes=2000, transport_bytes=1000, cut_chance=0.5)
        self.network = Network(self.world, self.trace, weather)
        self.bugs: list[str] = []
        self.server = self.machine("relay")
        self.echoes: list[Notes] = []
        factory = Factory.forProtocol(lambda: self.echo())
        endpoint(self.server, "tcp:1").listen(factory)
        self.client = self.machine("ann")

    def machine(self, name: str) -> SimulatedReactor:
        """A process on a machine of its own."""
        process = Process(self.world, name, self.bugs.append)
        return SimulatedReactor(process, self.network, name)

    def echo(self) -> Notes:
        """The server's end of a connection."""
        self.echoes.append(Notes(True))
        return self.echoes[-1]

    def dial(self, place: str = "tcp:1") -> Deferred[Notes]:
        """Connect from the client."""
        factory = Factory.forProtocol(lambda: Notes(False))
        return Dial(self.client, place, lambda: "1").connect(factory)

    def connect(self) -> Notes:
        """A connection."""
        attempt = self.dial()
        self.world.advance(1)
        notes: Notes = self.successResultOf(attempt)
        return notes


class ConnectionTests(ReactorTestCase):
    """From dialling to the end."""

    def test_echo(self) -> None:
        """Much more than any buffer holds goes there and back."""
        notes = self.connect()
        data = bytes(range(256)) * 100
        notes.transport.write(data)
        self.world.advance(60)
        self.assertEqual(notes.heard, data)
        self.assertEqual(notes.transport.getPeer().host, "192.0.2.1")
        self.assertTrue(self.echoes[0].transport.getPeer().host.startswith("10."))

    def test_hanging_up(self) -> None:
        """What was written before arrives, then the end, at both."""
        notes = self.connect()
        self.echoes[0].echo = False
        notes.transport.write(b"x" * 5000)
        notes.transport.loseConnection()
        self.world.advance(10)
        self.assertEqual(len(self.echoes[0].heard), 5000)
        self.assertIs(notes.reason, ConnectionDone)
        self.assertIsNotNone(self.echoes[0].reason)

    def test_half_close(self) -> None:
        """A client that says no more is hung up on: the server's protocol wants both
        directions."""
        notes = self.connect()
        notes.transport.loseWriteConnection()
        self.world.advance(1)
        self.assertIs(self.echoes[0].reason, ConnectionDone)
        self.assertIs(notes.reason, ConnectionDone)

    def test_aborted(self) -> None:
        """An abort is seen as a loss."""
        notes = self.connect()
        notes.transport.abortConnection()
        self.world.advance(1)
        self.assertTrue(issubclass(self.echoes[0].reason, ConnectionLost))

    def test_refused(self) -> None:
        """Where nobody listens, nobody answers for long."""
        self.failureResultOf(self.answer("tcp:2"), ConnectError)

    def test_listener_gone(self) -> None:
        """Nobody comes in where nobody listens any more; a place is taken once."""
        factory = Factory.forProtocol(self.echo)
        port = self.server.listenUNIX("/simulated/1", factory)
        with self.assertRaises(CannotListenError):
            self.server.listenUNIX("/simulated/1", factory)
        self.successResultOf(self.answer("unix:/simulated/1"))
        self.assertEqual(port.getHost(), UNIXAddress("/simulated/1"))
        port.stopListening()
        self.failureResultOf(self.answer("unix:/simulated/1"), ConnectError)

    def answer(self, place: str) -> Deferred[Notes]:
        """What comes of dialling."""
        attempt = self.dial(place)
        self.world.advance(20)
        return attempt

    def test_given_up(self) -> None:
        """An attempt that is cancelled never comes to anything."""
        attempt = self.dial()
        attempt.cancel()
        self.failureResultOf(attempt)
        self.world.advance(5)
        self.assertIsNotNone(self.echoes[0].reason)


class DeathTests(ReactorTestCase):
    """Processes and machines that are gone."""

    def test_killed(self) -> None:
        """The kernel closes what a process had open; nothing of it runs any more."""
        notes = self.connect()
        called: list[str] = []
        self.server.callLater(1, called.append, "too late")
        self.server.kill()
        self.world.advance(5)
        self.assertIsNotNone(notes.reason)
        self.assertIsNone(self.echoes[0].reason)
        self.assertEqual(called, [])
        self.failureResultOf(self.dial_again(), ConnectError)

    def dial_again(self) -> Deferred[Notes]:
        """Another attempt."""
        attempt = self.dial()
        self.world.advance(20)
        return attempt

    def test_power_cut(self) -> None:
        """Nobody is told, until the machine is back."""
        notes = self.connect()
        self.network.dark = True
        handles = self.server.power_off()
        notes.transport.write(b"hello?")
        self.world.advance(30)
        self.assertIsNone(notes.reason)
        self.failureResultOf(self.dial_again(), ConnectError)
        self.network.dark = False
        for handle in handles:
            handle.power_on()
        self.world.advance(1)
        self.assertTrue(issubclass(notes.reason, ConnectionLost))

    def test_cut_off(self) -> None:
        """A host that is cut off hears nothing, and then all of it."""
        notes = self.connect()
        self.network.isolate("ann", True)
        notes.transport.write(b"one ")
        self.world.advance(5)
        self.assertEqual(self.echoes[0].heard, b"")
        self.network.calm()
        notes.transport.write(b"two")
        self.world.advance(5)
        self.assertEqual(notes.heard, b"one two")
        self.network.isolate("ann", True)
        self.failureResultOf(self.dial_again(), ConnectError)

    def test_spike(self) -> None:
        """Everything takes longer for a while."""
        notes = self.connect()
        self.network.spike(2_000_000)
        notes.transport.write(b"x")
        self.world.advance(3)
        self.assertEqual(notes.heard, b"")
        self.world.advance(3)
        self.assertEqual(notes.heard, b"x")

    def test_exceptions_are_bugs(self) -> None:
        """What a process raises is reported, and the others go on."""
        notes = self.connect()
        self.echoes[0].dataReceived = self.explode  # type: ignore[method-assign]
        notes.transport.write(b"x")
        self.world.advance(1)
        self.assertIn("ZeroDivisionError", self.bugs[0])

    def explode(self, data: bytes) -> None:
        """A bug."""
        raise ZeroDivisionError


class TimeTests(ReactorTestCase):
    """Delayed calls."""

    def test_delayed_calls(self) -> None:
        """They are called once, can be moved and cancelled."""
        called: list[str] = []
        first = self.server.callLater(1, called.append, "first")
        second = self.server.callLater(1, called.append, "second")
        third = self.server.callLater(1, called.append, "third")
        second.delay(2)
        third.reset(5)
        self.assertEqual((second.getTime(), third.getTime()), (3, 5))
        self.world.advance(1)
        self.assertEqual(called, ["first"])
        self.assertRaises(AlreadyCalled, first.cancel)
        third.cancel()
        self.assertRaises(AlreadyCancelled, third.cancel)
        self.assertEqual((second.active(), third.active()), (True, False))
        self.world.advance(9)
        self.assertEqual(called, ["first", "second"])
        self.server.callFromThread(called.append, "soon")
        self.world.run()
        self.assertEqual(called[-1], "soon")
        self.assertEqual(self.server.getDelayedCalls(), [])

    def test_busy_machine(self) -> None:
        """On a busy machine every look at the clock takes time, and it never goes
        back."""
        process = self.server.process
        process.busy_us = 10_000
        before = process.monotonic_us()
        self.assertEqual(process.monotonic_us(), before + 10_000)
        process.busy_us = 0
        self.assertEqual(process.monotonic_us(), before + 10_000)
        self.world.advance(1)
        self.assertEqual(process.monotonic_us(), 1_000_000)
