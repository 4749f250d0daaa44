"""Doors behind a proxy: the PROXY protocol's header comes first, and its peer is the
one that counts, for limits, bans and logs.

At such a door *everybody* has to be a proxy that the configuration names: the protocol
forbids to guess whether there is a header, and who is none and could come in as well
would have no proxy's rules to obey. So others are refused, unread. A proxy has 3 s for
its header. What a header says of this machine (or says nothing) counts for the proxy
itself: it can make nobody local, and lends nobody its user id.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from twisted.internet import tcp
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from relaychat.model.world import Timer, World
from relaychat.net.shell import address_text, is_local, plain_host, tune
from relaychat.wire.proxy import BadHeader, Header, read_header

HEADER_S = 3.0
"""For a header: a proxy sends it with its first packet, which may be lost once."""
COMPLAIN_S = 60.0
"""Between two lines of the log about who was refused."""
UNIX = "unix"


class Proxies:
    """Who is a proxy of ours: addresses, networks (``10.0.0.0/8``), and ``unix`` for
    whoever may come by a UNIX socket."""

    def __init__(self, names: Sequence[str]) -> None:
        """Raises ValueError."""
        self._unix = UNIX in names
        self._networks = [ip_network(name) for name in names if name != UNIX]

    def __contains__(self, address: object) -> bool:
        if isinstance(address, UNIXAddress):
            return self._unix
        if not isinstance(address, IPv4Address | IPv6Address):
            return False
        host = ip_address(plain_host(address.host).partition("%")[0])
        return any(host in network for network in self._networks)


class Complaints:
    """Lines about who was refused, a few of them."""

    def __init__(self, log: Logger, world: World) -> None:
        self._log = log
        self._world = world
        self._last_us: int | None = None
        self._kept_back = 0

    def say(self, who: IAddress | None, what: str) -> None:
        """Log it, or count it."""
        now = self._world.monotonic_us()
        if self._last_us is not None and now - self._last_us < COMPLAIN_S * 1e6:
            self._kept_back += 1
            return
        more = f" ({self._kept_back} more since the last line)" * bool(self._kept_back)
        self._log.warn("{who}: {what}", who=address_text(who), what=what + more)
        self._last_us, self._kept_back = now, 0


@implementer(IStreamServerEndpoint)
class Proxied:
    """An endpoint behind these proxies; TLS goes around it."""

    def __init__(
        self, made: IStreamServerEndpoint, proxies: Proxies, world: World, log: Logger
    ) -> None:
        self._made = made
        self._proxies = proxies
        self._world = world
        self._complaints = Complaints(log, world)

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See IStreamServerEndpoint."""
        made = ProxiedFactory(factory, self._proxies, self._world, self._complaints)
        return self._made.listen(made)


class ProxiedFactory(Factory):
    """Reads the headers of proxies, and makes the protocols of their peers."""

    noisy = False

    def __init__(
        self,
        inner: IProtocolFactory,
        proxies: Proxies,
        world: World,
        complaints: Complaints,
    ) -> None:
        self._inner = inner
        self._proxies = proxies
        self._world = world
        self._complaints = complaints

    def startFactory(self) -> None:
        """The door opens."""
        self._inner.doStart()

    def stopFactory(self) -> None:
        """The door is closed."""
        self._inner.doStop()

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """What reads a proxy's header; None, for nobody else is let in."""
        if addr not in self._proxies:
            self._complaints.say(addr, "refused, for it is none of this door's proxies")
            return None
        return HeaderReader(self._inner, self._world, self._complaints)


class HeaderReader(Protocol):
    """Reads a header, and hands everything behind it to its peer's protocol."""

    transport: Any

    def __init__(
        self, inner: IProtocolFactory, world: World, complaints: Complaints
    ) -> None:
        self._factory = inner
        self._world = world
        self._complaints = complaints
        self._inner: IProtocol | None = None
        self._held = b""
        self._timer: Timer | None = None

    def connectionMade(self) -> None:
        """Wait for the header."""
        if isinstance(self.transport, tcp.Connection):
            tune(self.transport)
        self._timer = self._world.later(HEADER_S, self._too_late)

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self._inner is not None:
            self._inner.dataReceived(data)
        elif self._timer is not None:
            self._held += data
            self._read()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self._rest()
        if self._inner is not None:
            self._inner.connectionLost(reason)

    def _read(self) -> None:
        try:
            found = read_header(self._held)
        except BadHeader as error:
            self._cut(f"cut, for a header of the PROXY protocol was due: {error}")
            return
        if found is None:
            return
        self._rest()
        header, end = found
        rest, self._held = self._held[end:], b""
        transport: Any = ProxiedTransport(self.transport, header)
        inner = self._factory.buildProtocol(transport.getPeer())
        if inner is None:
            self.transport.abortConnection()
            return
        self._inner = inner
        inner.makeConnection(transport)
        if rest:
            inner.dataReceived(rest)

    def _too_late(self) -> None:
        self._cut("cut, for no header of the PROXY protocol came in time")

    def _cut(self, why: str) -> None:
        self._rest()
        self._complaints.say(self.transport.getPeer(), why)
        self.transport.abortConnection()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ProxiedTransport:
    """A proxy's connection, with the address of the peer behind it."""

    def __init__(self, proxy: Any, header: Header) -> None:
        self._proxy = proxy
        self._peer: IAddress = proxy.getPeer()
        self.secure = header.secure
        """The peer came to the proxy by TLS."""
        if header.host:
            kind = IPv6Address if ":" in header.host else IPv4Address
            claimed = kind("TCP", header.host, header.port)
            self._peer = self._peer if is_local(claimed) else claimed

    def getPeer(self) -> IAddress:
        """Who counts."""
        return self._peer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proxy, name)
