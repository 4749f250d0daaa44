"""Listeners with a plain Twisted factory: what the relay gives to it."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.wire import Echo
from zope.interface import implementer

from examples.notebook import NOTES_LIMIT, Notebook, Writer
from relaychat.app.build import Relay
from relaychat.app.config import ConfigError
from relaychat.app.extensions import CannotBuild
from relaychat.extend import Premises
from relaychat.net.counted import Counted, CountedFactory
from relaychat.net.listen import Counter, Guard, Refusal
from relaychat.net.shell import HANDSHAKE_S
from relaychat.testing.relay import Relay as MemoryRelay
from relaychat.testing.world import SimulatedWorld
from tests.app.test_build import BuildCase

HERE = "tests.app.test_listeners"
ADDRESS = IPv4Address("TCP", "192.0.2.1", 4711)
echo = Factory.forProtocol(Echo)


def nothing(premises: Premises) -> None:
    """Makes no factory."""


class Picky(Factory):
    """Wants nobody."""

    def buildProtocol(self, addr: object) -> None:
        """See IProtocolFactory."""


class Broken(Factory):
    """Fails."""

    def buildProtocol(self, addr: object) -> None:
        """See IProtocolFactory."""
        raise OSError


@implementer(IHandshakeListener)
class Told(Protocol):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def connectionMade(self) -> None:
        """See IProtocol."""
        self.heard.append("made")

    def handshakeCompleted(self) -> None:
        """See IHandshakeListener."""
        self.heard.append("handshake")

    def connectionLost(self, reason: Any = None) -> None:
        """See IProtocol."""
        self.heard.append("lost")


class Transport(StringTransport):
    """That can be cut."""

    def abortConnection(self) -> None:
        """See ITCPTransport."""
        self.disconnected = True


class CountedTests(BuildCase):
    """The connections of a factory."""

    def setUp(self) -> None:
        """A counter for two connections, and a factory behind it."""
        super().setUp()
        self.world = SimulatedWorld()
        self.counter = Counter(Guard(per_address=2), self.world)

    def factory(self, inner: Any, tls: bool = False) -> CountedFactory:
        """The listener's factory."""
        return CountedFactory(inner, "it", tls, self.counter, self.world)

    def connect(self, factory: CountedFactory) -> tuple[Any, Transport]:
        """A connection."""
        transport = Transport(peerAddress=ADDRESS)
        made = factory.buildProtocol(ADDRESS)
        made.makeConnection(transport)
        return made, transport

    def test_bytes(self) -> None:
        """Bytes go both ways and are counted, with the connections."""
        factory = self.factory(echo)
        one, transport = self.connect(factory)
        two, _ = self.connect(factory)
        one.dataReceived(b"hello")
        one.writeSequence([b"a", b"b"])
        self.assertEqual(transport.value(), b"helloab")
        two.connectionLost()
        entry = factory.entry()
        self.assertEqual((entry.connected, entry.connections), (1, 2))
        self.assertEqual((entry.received, entry.sent), (5, 7))

    def test_limits(self) -> None:
        """No more of one address than a dialect's listeners would let in; who is
        refused is hung up on, and whoever goes makes room."""
        factory = self.factory(echo)
        one, _ = self.connect(factory)
        self.connect(factory)
        self.assertIsInstance(factory.buildProtocol(ADDRESS), Refusal)
        one.connectionLost()
        self.assertIsInstance(factory.buildProtocol(ADDRESS), Counted)

    def test_unwanted(self) -> None:
        """Whom the factory does not want is not counted."""
        factory = self.factory(Picky())
        self.assertIsNone(factory.buildProtocol(ADDRESS))
        self.assertEqual(self.counter.total, 0)

    def test_failing(self) -> None:
        """Nor whom it fails to make a protocol for."""
        factory = self.factory(Broken())
        self.assertRaises(OSError, factory.buildProtocol, ADDRESS)
        self.assertEqual(self.counter.total, 0)

    def test_handshake(self) -> None:
        """Under TLS the protocol hears of the connection when it is safe."""
        made, _ = self.connect(self.factory(Factory.forProtocol(Told), tls=True))
        told = made.wrappedProtocol
        self.assertEqual(told.heard, [])
        made.handshakeCompleted()
        self.world.advance(HANDSHAKE_S)
        made.connectionLost()
        self.assertEqual(told.heard, ["made", "handshake", "lost"])

    def test_no_handshake(self) -> None:
        """Who does not come to its end is cut, and the protocol never knows."""
        made, transport = self.connect(self.factory(Factory.forProtocol(Told), True))
        told = made.wrappedProtocol
        self.world.advance(HANDSHAKE_S)
        self.assertTrue(transport.disconnected)
        made.connectionLost()
        self.assertEqual(told.heard, [])
        self.assertEqual(self.counter.total, 0)


class FactoryTests(BuildCase):
    """``[[listen]] factory``."""

    def door(self, factory: str, **more: Any) -> Relay:
        """A relay with such a listener."""
        listen = [{"factory": factory, "endpoint": "tcp:0", **more}]
        return self.relay(listen=listen)

    def test_instance(self) -> None:
        """A factory that is there is used as it is."""
        factory: Any = self.door(f"{HERE}:echo").doors[0].factory
        self.assertIs(factory.wrappedFactory, echo)

    def test_made(self) -> None:
        """What is called is handed the premises."""
        factory: Any = self.door("examples.notebook:Notebook").doors[0].factory
        premises = factory.wrappedFactory.premises
        self.assertEqual(premises.server, "relaychat.localhost")
        self.assertIs(premises.reactor, self.reactor)

    def test_wrong(self) -> None:
        """The key is named, whatever is wrong."""
        for name, words in (
            ("pigeon", "listen[0].factory: no factory is called 'pigeon'"),
            (f"{HERE}:ADDRESS", "is no factory"),
            (f"{HERE}:nothing", "made no IProtocolFactory"),
            (f"{HERE}:Picky", "can't be made: TypeError"),
        ):
            with self.assertRaises(CannotBuild) as caught:
                self.door(name)
            self.assertIn(words, str(caught.exception))

    def test_one_or_the_other(self) -> None:
        """A listener has a dialect or a factory."""
        for more in ({"dialect": "irc"}, {"factory": ""}):
            with self.assertRaises(ConfigError) as caught:
                self.door(**{"factory": f"{HERE}:echo", **more})
            self.assertEqual(
                str(caught.exception), "listen[0]: needs a dialect, or a factory"
            )

    def test_status(self) -> None:
        """What goes on there is in the status of the relay."""
        relay = self.door(f"{HERE}:echo")
        self.assertEqual(relay.hub.house.factories()[0].name, f"{HERE}:echo")


class LoginTests(BuildCase):
    """A factory's peers log in as all others do."""

    def setUp(self) -> None:
        """The notebook, on a relay in memory with an account."""
        super().setUp()
        self.memory = MemoryRelay()
        self.memory.account("ann", "secret")
        premises = Premises(
            "relay.test",
            self.reactor,
            self.memory.world,
            self.memory.office.login.admit,
        )
        self.factory = Notebook(premises)

    def say(self, *lines: str, host: str = "192.0.2.1") -> bytes:
        """What a new peer hears that says this."""
        transport = StringTransport(peerAddress=IPv4Address("TCP", host, 4711))
        writer = self.factory.buildProtocol(ADDRESS)
        assert isinstance(writer, Writer)
        writer.makeConnection(transport)
        for line in lines:
            writer.dataReceived(line.encode() + b"\r\n")
        return bytes(transport.value())

    def test_notebook(self) -> None:
        """The example, from login to the list."""
        self.assertEqual(
            self.say("LIST", "LOGIN Ann secret", "NOTE buy tea", "LIST", "WHAT"),
            b"LOGIN first\r\nwelcome, ann\r\nnoted\r\nbuy tea\r\n1 notes\r\n"
            b"NOTE, LIST or QUIT\r\n",
        )

    def test_full(self) -> None:
        """Who has all the notes that one may have is told so."""
        told = self.say("LOGIN ann secret", *["NOTE tea"] * (NOTES_LIMIT + 1), "LIST")
        self.assertIn(b"there are 100 notes, and no more fit in\r\ntea\r\n", told)
        self.assertTrue(told.endswith(b"100 notes\r\n"))

    def test_failures(self) -> None:
        """Wrong passwords count as they do at any other door: the fourth is too much,
        the right one included, and another address is not concerned."""
        wrong = self.say(*["LOGIN ann wrong"] * 3, "LOGIN ann secret")
        self.assertEqual(wrong.count(b"wrong name or password\r\n"), 3)
        self.assertIn(b"too many failed logins", wrong)
        other = self.say("LOGIN ann secret", host="198.51.100.1")
        self.assertEqual(other, b"welcome, ann\r\n")

    def test_nobody(self) -> None:
        """A name without an account is refused as a wrong password is."""
        self.assertEqual(self.say("LOGIN zed secret"), self.say("LOGIN ann wrong"))
