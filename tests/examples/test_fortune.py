"""The fortune server, the clients of it, and what they make of servers that lie."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from twisted.internet import defer, reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.protocols.policies import WrappingFactory
from twisted.trial.unittest import TestCase

from examples.fortune import blocking_client, client, server, threaded
from examples.fortune.server import CLASSICS, Book, Fortune, packed
from examples.fortune.threaded import File, Threaded
from relaychat.app.extensions import with_settings
from relaychat.extend import Premises
from relaychat.testing.conformance import check_dialect
from relaychat.testing.relay import RelayTestCase

TEXT = "Who asks gets an answer. 🎁"


class ServerTests(RelayTestCase):
    """The dialect."""

    def test_one_for_each(self) -> None:
        """Who connects gets one of the fortunes, and is hung up on."""
        _, wire = self.open(Fortune)
        self.assertIn(wire.value(), [packed(one) for one in CLASSICS])
        self.assertTrue(wire.closed)

    def test_as_qt_writes_it(self) -> None:
        """Bytes in front, and two or four for each character, big-endian."""
        self.assertEqual(packed("aé"), b"\0\0\0\x04\0a\0\xe9")
        self.assertEqual(packed("🎁"), b"\0\0\0\x04\xd8\x3c\xdf\x81")

    def test_settings(self) -> None:
        """The fortunes are the house's own."""
        own: type[Fortune] = with_settings(Fortune, Book(fortunes=(TEXT,)))
        _, wire = self.open(own)
        self.assertEqual(wire.value(), packed(TEXT))

    def test_conforms(self) -> None:
        """It does what every dialect does."""
        check_dialect(Fortune)

    def test_nobody_comes_in(self) -> None:
        """Nothing that is said there is heard."""
        peer, wire = self.open(Fortune)
        wire.clear()
        peer.dataReceived(b"HELP\r\n")
        self.assertEqual(wire.value(), b"")


class ServedCase(TestCase):
    """Factories on real sockets."""

    timeout = 20

    async def listen(self, factory: Factory) -> int:
        """The port of it."""
        listening = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
        counted: Any = WrappingFactory(factory)
        port: Any = await listening.listen(counted)
        self.addCleanup(self.over, port, counted)
        return int(port.getHost().port)

    async def over(self, port: Any, counted: Any) -> None:
        """Once all its connections have ended."""
        await port.stopListening()
        for one in list(counted.protocols):
            one.transport.abortConnection()
        while counted.protocols:
            await deferLater(reactor, 0.01)


class ThreadedTests(ServedCase):
    """The plain factory, with a file that is read in a thread."""

    async def ask(self, text: str | None) -> str:
        """A fortune out of a file like this; None for no file."""
        path = Path(self.mktemp())
        if text is not None:
            path.write_text(text)
        made = with_settings(Threaded, File(file=str(path)))
        nobody: Any = None
        port = await self.listen(made(Premises("test", reactor, nobody, nobody)))
        told: str = await client.ask(reactor, f"tcp:127.0.0.1:{port}")
        return told

    async def test_file(self) -> None:
        """A fortune may have lines, and is between two that have a ``%`` alone."""
        told = [await self.ask("one %\nmore\n%\ntwo\n%\n") for _ in range(3)]
        self.assertLessEqual(set(told), {"one %\nmore", "two"})

    async def test_no_file(self) -> None:
        """What goes wrong in the thread is logged, and the peer is hung up on."""
        for text, kind in [(None, FileNotFoundError), ("\n%\n", IndexError)]:
            with self.assertRaises(client.NoFortune):
                await self.ask(text)
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)

    def test_is_announced(self) -> None:
        """The plugins carry the names."""
        self.assertEqual(
            (server.fortune.name, server.fortune.found), ("fortune", Fortune)
        )
        self.assertEqual(threaded.threaded.name, "fortune-file")


class Once(Protocol):
    """Says its factory's bytes, and hangs up if it should."""

    factory: Any
    transport: Any

    def connectionMade(self) -> None:
        self.transport.write(self.factory.said)
        if self.factory.hangs_up:
            self.transport.loseConnection()


class ClientTests(ServedCase):
    """Both clients, and a server that says what it is told to say."""

    async def serve(self, said: bytes, hangs_up: bool = True) -> int:
        """The port of such a server."""
        factory: Any = Factory.forProtocol(Once)
        factory.said, factory.hangs_up = said, hangs_up
        return await self.listen(factory)

    async def both(self, port: int) -> list[Any]:
        """What each client comes to: a text, or the name of an error."""
        asked: list[Deferred[Any]] = [
            Deferred.fromCoroutine(client.ask(reactor, f"tcp:127.0.0.1:{port}")),
            deferToThread(blocking_client.ask, "127.0.0.1", port),
        ]
        got = await defer.DeferredList(asked, consumeErrors=True)
        return [result if ok else result.type.__name__ for ok, result in got]

    async def test_whole(self) -> None:
        """A fortune is read."""
        port = await self.serve(packed(TEXT))
        self.assertEqual(await self.both(port), [TEXT, TEXT])

    async def test_cut(self) -> None:
        """One that ends too early is none, wherever it ends."""
        for said in (b"", packed(TEXT)[:3], packed(TEXT)[:-1]):
            port = await self.serve(said)
            self.assertEqual(await self.both(port), ["NoFortune", "EOFError"])

    async def test_too_long(self) -> None:
        """What has no end is not waited for."""
        port = await self.serve(struct.pack(">I", 2**32 - 1), hangs_up=False)
        self.assertEqual(await self.both(port), ["NoFortune", "ValueError"])

    async def test_silent_server(self) -> None:
        """A server that says nothing is left, after a while."""
        self.patch(client, "TIMEOUT_S", 0.05)
        self.patch(blocking_client, "TIMEOUT_S", 0.05)
        port = await self.serve(b"", hangs_up=False)
        self.assertEqual(await self.both(port), ["TimeoutError", "TimeoutError"])

    def test_programs(self) -> None:
        """Both from the shell: the fortune, and an error in a line."""
        folder = Path(client.__file__).parent
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = str(listening.getsockname()[1])

            def serve() -> None:
                for _ in range(2):
                    connection, _ = listening.accept()
                    with connection:
                        connection.sendall(packed(TEXT))

            thread = threading.Thread(target=serve)
            thread.start()
            calls = [["client.py", f"tcp:127.0.0.1:{port}"],
                     ["blocking_client.py", "127.0.0.1", port]]  # fmt: skip
            told = [run(folder / name, *rest) for name, *rest in calls]
            thread.join()
        # The blocking one may have shown dots before.
        said = [one.stdout.lstrip(".") for one in told]
        self.assertEqual(said, [f"{TEXT}\n"] * 2)
        for name, *rest in calls:
            self.assertRegex(run(folder / name, *rest).stderr, "^no fortune: .*refused")


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
