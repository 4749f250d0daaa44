"""The chaos proxy on real sockets, and its schedule."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from relaychat.client.dial import endpoint as dial
from relaychat.net.listen import endpoint as door
from relaychat.testing.chaos import FAULTS, ChaosProxy, Weather
from relaychat.testing.passage import Leg
from tests.testing.test_passage import Wire


class Echo(Protocol):
    """Says what it hears; remembers how it ended."""

    def __init__(self, ends: list[Failure]) -> None:
        self._ends = ends

    def dataReceived(self, data: bytes) -> None:
        """The same again."""
        assert self.transport is not None
        self.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone."""
        self._ends.append(reason)


class Peer(Protocol):
    """A client that waits for things."""

    transport: Any

    def __init__(self) -> None:
        self.read = b""
        self.ended: Deferred[object] = Deferred()
        """Fires with why it ended."""
        self._waiting: list[tuple[int, Deferred[bytes]]] = []

    def heard(self, size: int) -> Deferred[bytes]:
        """Fires with what was read when it is so much."""
        waiting: Deferred[bytes] = Deferred()
        self._waiting.append((size, waiting))
        self.dataReceived(b"")
        return waiting

    def dataReceived(self, data: bytes) -> None:
        """More."""
        self.read += data
        for one in [one for one in self._waiting if len(self.read) >= one[0]]:
            self._waiting.remove(one)
            one[1].callback(self.read)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone."""
        self.ended.callback(reason.value)


class ProxyTests(TestCase):
    """A proxy on real sockets, in front of an echo."""

    async def proxy(self, weather: Weather | None = None, seed: int = 0) -> ChaosProxy:
        """Start both."""
        self.ends: list[Failure] = []
        self.told: list[str] = []
        echo = Factory.forProtocol(lambda: Echo(self.ends))
        port: Any = await door(reactor, "tcp:0").listen(echo)
        self.addCleanup(port.stopListening)
        to = f"tcp:127.0.0.1:{port.getHost().port}"
        proxy = ChaosProxy(
            reactor, "tcp:0", to, weather or Weather(), seed, self.told.append
        )
        await proxy.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(proxy.stop()))
        return proxy

    async def peer(self, proxy: ChaosProxy) -> Peer:
        """A client, once it has heard its echo."""
        peer: Any = await dial(reactor, f"tcp:127.0.0.1:{proxy.port}").connect(
            Factory.forProtocol(Peer)
        )
        peer.transport.write(b"hello")
        await peer.heard(5)
        assert isinstance(peer, Peer)
        return peer

    async def test_cut(self) -> None:
        """A real RST, to both sides; the next connection is a new one."""
        proxy = await self.proxy()
        peer = await self.peer(proxy)
        proxy.cut()
        self.assertIsInstance(await peer.ended, ConnectionLost)
        other = await self.peer(proxy)
        self.assertEqual(len(self.ends), 1)
        self.assertTrue(self.ends[0].check(ConnectionLost))
        self.assertEqual(proxy.counts["connections"], 2)
        self.assertEqual(
            self.told, ["1: connected", "1: cut", "1: over", "2: connected"]
        )
        other.transport.abortConnection()
        await other.ended

    async def test_end(self) -> None:
        """A client that hangs up: so does the server, and nothing is left."""
        proxy = await self.proxy()
        peer = await self.peer(proxy)
        peer.transport.loseConnection()
        await peer.ended
        await _soon(lambda: not proxy.passages)
        self.assertTrue(self.ends[0].check(ConnectionDone))

    async def test_half_close(self) -> None:
        """A real FIN to one side."""
        proxy = await self.proxy()
        peer = await self.peer(proxy)
        proxy.half_close("up")
        self.assertIsInstance(await peer.ended, ConnectionDone)
        self.assertTrue(self.ends[0].check(ConnectionDone))

    async def test_nobody_there(self) -> None:
        """Where the server is away, a client is cut; where the proxy refuses, it is
        refused."""
        proxy = ChaosProxy(reactor, "tcp:0", "tcp:127.0.0.1:1")
        await proxy.start()
        to = dial(reactor, f"tcp:127.0.0.1:{proxy.port}")
        peer: Any = await to.connect(Factory.forProtocol(Peer))
        self.assertIsInstance(await peer.ended, ConnectionLost)
        await proxy.refuse()
        attempt = to.connect(Factory.forProtocol(Peer))
        with self.assertRaises(Exception):  # noqa: B017
            await attempt

    async def test_unix(self) -> None:
        """UNIX sockets, too; the socket of a dead proxy is not in the way."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "front"
            stale = socket.socket(socket.AF_UNIX)
            stale.bind(str(path))
            stale.close()
            inner = await self.proxy()
            to = f"tcp:127.0.0.1:{inner.port}"
            proxy = ChaosProxy(reactor, f"unix:{path}", to)
            await proxy.start()
            peer: Any = await dial(reactor, f"unix:{path}").connect(
                Factory.forProtocol(Peer)
            )
            peer.transport.write(b"hello")
            await peer.heard(5)
            await proxy.stop()
            await peer.ended

    async def test_bounded(self) -> None:
        """A client that does not read holds up who writes, not the proxy."""
        proxy = await self.proxy(Weather(held_bytes=10_000))
        peer = await self.peer(proxy)
        peer.transport.pauseProducing()
        sent = 8 * 2**20
        peer.transport.write(b"x" * sent)
        await _soon(lambda: proxy.passages[1].flows["down"].held_bytes >= 10_000)
        held = [flow.held_bytes for flow in proxy.passages[1].flows.values()]
        self.assertLess(max(held), 10_000 + 2**17)
        peer.transport.resumeProducing()
        self.assertEqual(len(await peer.heard(sent)), sent + 5)
        peer.transport.abortConnection()
        await peer.ended


async def _soon(true: Callable[[], bool]) -> None:
    """Give the reactor turns until something is so."""
    for _ in range(100_000):
        if true():
            return
        turn: Deferred[None] = Deferred()
        reactor.callLater(0, turn.callback, None)
        await turn
    raise AssertionError("it never was")


class ScheduleTests(SynchronousTestCase):
    """Faults by chance, repeated by the seed."""

    def faults(self, seed: int) -> list[str]:
        """What meets the first connections within a minute."""
        told: list[str] = []
        clock = _Listening()
        often: dict[str, float] = dict.fromkeys(FAULTS, 20.0)
        weather = msgspec.convert({**often, "stall_s": 1}, Weather)
        proxy = ChaosProxy(
            clock, "tcp:1", "tcp:127.0.0.1:1", weather, seed, told.append
        )
        self.successResultOf(Deferred.fromCoroutine(proxy.start()))
        for _ in range(5):
            leg = clock.factory.buildProtocol(None)
            assert isinstance(leg, Leg)
            leg.makeConnection(Wire())
        for _ in range(600):
            clock.advance(0.1)
        self.successResultOf(Deferred.fromCoroutine(proxy.stop()))
        self.assertEqual((proxy.passages, clock.getDelayedCalls()), ({}, []))
        return told

    def test_seed(self) -> None:
        """The same seed, the same faults; another one, others; and all kinds."""
        first = self.faults(1)
        self.assertEqual(self.faults(1), first)
        self.assertNotEqual(self.faults(2), first)
        kinds = {text.split()[1] for text in first + self.faults(2) + self.faults(3)}
        self.assertEqual(kinds, {"connected", "over", *FAULTS})

    def test_weather_changes(self) -> None:
        """Also for those who are there: nothing more of the old, the new from now."""
        clock, told = _Listening(), list[str]()
        proxy = ChaosProxy(
            clock, "tcp:1", "tcp:127.0.0.1:1", Weather(cut=1), 1, told.append
        )
        self.successResultOf(Deferred.fromCoroutine(proxy.start()))
        clock.factory.buildProtocol(None).makeConnection(Wire())
        proxy.weather = Weather()
        clock.advance(1000)
        self.assertEqual(told, ["1: connected"])
        proxy.weather = Weather(cut=1)
        clock.advance(1000)
        self.assertEqual(told, ["1: connected", "1: cut", "1: over"])

    def test_weather_is_checked(self) -> None:
        """Numbers that make no sense are refused where they are read."""
        for field in ("delay_s", "cut", "held_bytes"):
            with self.assertRaises(msgspec.ValidationError):
                msgspec.convert({field: -1}, Weather)


class _Listening(Clock):
    """A reactor that listens, and whose connections never come about."""

    factory: Any

    def listenTCP(self, port: int, factory: Any, **options: Any) -> _Listening:
        """Take the factory."""
        self.factory = factory
        return self

    def connectTCP(self, *arguments: Any, **options: Any) -> None:
        """Nobody answers."""

    def stopListening(self) -> None:
        """No more."""
