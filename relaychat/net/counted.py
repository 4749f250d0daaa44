"""A listener that somebody else's factory stands behind: any ``IProtocolFactory``.

It is guarded as a dialect is: its peers are counted, one that does not come to the end
of a TLS handshake is cut, the kernel's buffers are kept small. What is said is between
the peer and the factory's protocol: backpressure, idleness and words are its own.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress, IHandshakeListener, IProtocolFactory
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from relaychat.model.errors import TooMany
from relaychat.model.events import FactoryEntry
from relaychat.model.world import Timer, World
from relaychat.net.listen import Counter, Refusal
from relaychat.net.shell import HANDSHAKE_S, socket_under, tune


@implementer(IHandshakeListener)
class Counted(ProtocolWrapper):
    """One connection: the transport of the protocol that it wraps. Under TLS that
    protocol's connection is made with the handshake's end."""

    factory: CountedFactory

    def __init__(self, factory: CountedFactory, inner: Any, counted: str) -> None:
        super().__init__(factory, inner)
        self._counted = counted
        self._begun = False
        self._timer: Timer | None = None

    def makeConnection(self, transport: Any) -> None:
        """See ``IProtocol``."""
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)
        under = socket_under(transport)
        if under is not None:
            tune(under)
        if self.factory.tls:
            self._timer = self.factory.world.later(HANDSHAKE_S, self._cut)
        else:
            self._begin()

    def handshakeCompleted(self) -> None:
        """TLS is there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._begin()

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        self.factory.received += len(data)
        super().dataReceived(data)

    def write(self, data: bytes) -> None:
        """Bytes go."""
        self.factory.sent += len(data)
        super().write(data)

    def writeSequence(self, data: Any) -> None:
        """Bytes go."""
        pieces = list(data)
        self.factory.sent += sum(map(len, pieces))
        super().writeSequence(pieces)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.factory.counter.release(self._counted)
        if self._begun:
            super().connectionLost(reason)
        else:
            self.factory.unregisterProtocol(self)

    def _begin(self) -> None:
        self._begun = True
        inner: Any = self.wrappedProtocol
        inner.makeConnection(self)
        if self.factory.tls and IHandshakeListener.providedBy(inner):
            inner.handshakeCompleted()

    def _cut(self) -> None:
        self._timer = None
        abort = getattr(self.transport, "abortConnection", None)
        if abort is not None:
            abort()


class CountedFactory(WrappingFactory[Counted]):
    """Lets a factory's peers in as far as the counter does, and counts their bytes."""

    noisy = False

    def __init__(
        self,
        inner: IProtocolFactory,
        name: str,
        tls: bool,
        counter: Counter,
        world: World,
    ) -> None:
        super().__init__(inner)
        self.tls = tls
        self.counter = counter
        self.world = world
        self.connections = 0
        self.received = self.sent = 0
        self._name = name

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection, or its end: nobody knows the words to refuse it with."""
        try:
            counted = self.counter.admit(addr)
        except TooMany:
            return Refusal(b"")
        inner = None
        try:
            inner = self.wrappedFactory.buildProtocol(addr)
        finally:
            if inner is None:
                self.counter.release(counted)
        if inner is None:
            return None
        self.connections += 1
        return Counted(self, inner, counted)

    def entry(self) -> FactoryEntry:
        """What has come and gone, as ``ctl status`` shows it."""
        return FactoryEntry(
            self._name, len(self.protocols), self.connections, self.received, self.sent
        )
