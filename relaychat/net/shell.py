"""The shell of a connection: bytes in to the session, the session's bytes out. No
decisions.

Transports differ by what lies under ``transport.write``; sessions see a ``Connection``,
whichever it is (``session.link.Link``).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from twisted.internet import tcp
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from relaychat.model.errors import RelayError
from relaychat.model.world import Timer
from relaychat.net.outlet import Bounds, Outlet, Setting, SocketOutlet, StreamOutlet
from relaychat.session.host import Host
from relaychat.session.session import Session

SEND_BUFFER_BYTES = 32 * 1024
"""SO_SNDBUF: what the kernel may hold for a reader. With the default, 400 readers that
did not read took 793 MiB of the kernel's memory."""
KEEPALIVE_S = 60
"""Silence after which the kernel asks; as long again without an answer, and it cuts."""
HANDSHAKE_S = 5.0
"""For a TLS handshake: three round trips over a very bad link. Twisted has no such
limit."""


class Connection:
    """A session's link to its peer: see ``session.link.Link``."""

    def __init__(self, transport: Any, outlet: Outlet, secure: bool) -> None:
        self.transport = transport
        self.outlet = outlet
        self.send = outlet.send
        address = transport.getPeer()
        self.peer = address_text(address)
        local = is_local(address)
        self.exempt = local
        self.secure = secure or local or getattr(transport, "secure", False)
        self.uid = peer_uid(transport) if isinstance(address, UNIXAddress) else None
        self.certificate = peer_certificate(transport)

    @property
    def full(self) -> bool:
        """Whether it holds more than it should."""
        return self.outlet.full

    def pause(self) -> None:
        """Read nothing more from the peer."""
        self.transport.pauseProducing()

    def resume(self) -> None:
        """Read again."""
        self.transport.resumeProducing()

    def close(self) -> None:
        """Hang up behind all that was sent."""
        self.outlet.close()


@implementer(IHandshakeListener)
class Shell(Protocol):
    """One connection of a listener. Under TLS its session begins with the handshake's
    end; a peer that does not come to one is cut."""

    def __init__(self, host: Host, bounds: Bounds, tls: bool) -> None:
        self.session: Session | None = None
        self.on_lost: Callable[[], None] | None = None
        """Called once when the connection is gone, for who counts connections."""
        self._host = host
        self._bounds = bounds
        self._tls = tls
        self._outlet: Outlet | None = None
        self._timer: Timer | None = None

    def connectionMade(self) -> None:
        """The transport is there."""
        if self._tls:
            self._timer = self._host.world.later(HANDSHAKE_S, self._cut)
        else:
            self._open()

    def handshakeCompleted(self) -> None:
        """TLS is there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._open()

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self.session is not None:
            self.session.receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
        if self._outlet is not None:
            self._outlet.lost()
        if self.session is not None:
            clean = reason.check(ConnectionDone) is not None
            self.session.lost("connection closed" if clean else "connection lost")
        if self.on_lost is not None:
            self.on_lost()

    def _open(self) -> None:
        transport = self.transport
        setting = Setting(
            transport, self._host.world, self._bounds, self._drained, self._stalled
        )
        outlet = self._outlet = outlet_for(setting)
        self.session = Session(self._host, Connection(transport, outlet, self._tls))
        self.session.open()

    def _cut(self) -> None:
        self._timer = None
        abort = getattr(self.transport, "abortConnection", None)
        if abort is not None:
            abort()

    def _drained(self) -> None:
        if self.session is not None:
            self.session.drained()

    def _stalled(self, error: RelayError) -> None:
        if self.session is not None:
            self.session.close(error)


class ShellFactory(Factory):
    """Makes the shells of a listener."""

    noisy = False

    def __init__(self, host: Host, bounds: Bounds, tls: bool = False) -> None:
        self._host = host
        self._bounds = bounds
        self._tls = tls

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """A shell for a new connection."""
        return self.shell()

    def logPrefix(self) -> str:
        """What Twisted's log calls a listener: by its dialect."""
        return self._host.dialect.name

    def shell(self) -> Shell:
        """A shell of this listener."""
        shell = Shell(self._host, self._bounds, self._tls)
        shell.factory = self
        return shell


def outlet_for(setting: Setting) -> Outlet:
    """The outlet that fits a transport, with the kernel's buffer kept small."""
    under = socket_under(setting.transport)
    if under is not None:
        tune(under)
    plain = under is setting.transport
    return SocketOutlet(setting) if plain else StreamOutlet(setting)


def socket_under(transport: Any) -> tcp.Connection | None:
    """The socket's own transport, where nothing but TLS lies on it."""
    while not isinstance(transport, tcp.Connection):
        transport = getattr(transport, "transport", None)
        if transport is None:
            return None
    return transport


def tune(transport: tcp.Connection) -> None:
    """Keep the kernel's send buffer small, send without waiting for more, and let the
    kernel find dead connections too: not every dialect has a ping."""
    handle: socket.socket = transport.getHandle()
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if handle.family != socket.AF_UNIX:
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S // 4)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)


def address_text(address: object) -> str:
    """An address as logs and lists show it."""
    if isinstance(address, IPv4Address | IPv6Address):
        host = plain_host(address.host)
        return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
    return "unix" if isinstance(address, UNIXAddress) else "?"


def plain_host(host: str) -> str:
    """A host's address; one of IPv4 that came in by a door of IPv6 is itself."""
    return host.removeprefix("::ffff:") if "." in host else host


def is_local(address: object) -> bool:
    """Whether a peer is on this machine."""
    if isinstance(address, UNIXAddress):
        return True
    if isinstance(address, IPv4Address | IPv6Address):
        host = plain_host(address.host)
        return host == "::1" or host.startswith("127.")
    return False


def peer_certificate(transport: Any) -> str | None:
    """SHA-256 of the certificate that a peer showed, if it did."""
    tls = ISSLTransport.providedBy(transport)
    shown = transport.getPeerCertificate() if tls else None
    if shown is None:
        return None
    digest: bytes = shown.to_cryptography().fingerprint(SHA256())
    return digest.hex()


def peer_uid(transport: Any) -> int | None:
    """User id of the process at the other end of a UNIX socket, as the kernel
    knows it."""
    under = socket_under(transport)
    if under is None:
        return None
    size = struct.calcsize("3i")
    try:
        raw = under.getHandle().getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except OSError:
        return None
    return int(struct.unpack("3i", raw)[1])
