"""A relay in memory as an endpoint that a client can dial, and a clock for both.

::

    place = RelayPlace(relay)
    client = Client(place.clock, "tcp:memory:1", "ann", endpoint=place, state=folder)
    client.connect()
    place.run()

Nothing moves but in ``run`` and ``advance``: so between two of them everything can be
cut, on either side.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from relaychat.session.native import Native
from relaychat.session.session import Session
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay


class MemoryTransport:
    """The client's end of a connection."""

    def __init__(self, place: RelayPlace, protocol: Any, relay: Relay) -> None:
        self.disconnecting = False
        self.open = True
        self._place = place
        self._protocol = protocol
        self._out: list[bytes] = []
        self._link = MemoryLink()
        self._session = Session(relay.host(Native), self._link)
        self._link.on_drained = self._session.drained
        self._session.open()

    def write(self, data: bytes) -> None:
        """See ITransport."""
        self._out.append(data)

    def loseConnection(self) -> None:
        """See ITransport."""
        self.disconnecting = True

    def abortConnection(self) -> None:
        """See ITCPTransport."""
        self.lose()

    def move(self) -> bool:
        """Carry what was written, both ways. False if there was nothing."""
        out, self._out = self._out, []
        for data in out:
            self._session.receive(data)
        read = self._link.value()
        self._link.clear()
        if read and self.open:
            self._protocol.dataReceived(read)
        ended = (self.disconnecting or self._link.closed) and not self._out
        if self.open and ended:
            self.lose()
        return bool(out or read)

    def lose(self) -> None:
        """The connection is gone, with all that was on its way."""
        if self.open:
            self.open = False
            self._session.lost("cut")
            self._protocol.connectionLost(Failure(ConnectionLost()))


@implementer(IStreamClientEndpoint)
class RelayPlace:
    """See the module. Without a relay nobody listens there."""

    def __init__(self, relay: Relay) -> None:
        self.relay: Relay | None = relay
        self.clock = Clock()
        self.connections: list[MemoryTransport] = []
        """Those that are open."""

    def connect(self, factory: Any) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        if self.relay is None:
            return fail(Failure(ConnectError()))
        protocol = factory.buildProtocol(None)
        transport = MemoryTransport(self, protocol, self.relay)
        self.connections.append(transport)
        protocol.makeConnection(transport)
        return succeed(protocol)

    def run(self) -> None:
        """Let everything happen that needs no time."""
        self.advance(0)

    def advance(self, seconds: float) -> None:
        """Let time pass, then everything happen that needs none."""
        self.clock.advance(seconds)
        moved = True
        while moved:
            if self.relay is not None:
                self.relay.world.advance(0)
            moved = sum(one.move() for one in self.connections) > 0
            self.connections = [one for one in self.connections if one.open]
            self.clock.advance(0)

    def cut(self) -> None:
        """All connections break."""
        for one in self.connections:
            one.lose()
        self.connections.clear()
