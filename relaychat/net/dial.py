"""How to come to a server: by its endpoint string, its host, or its domain.

``tls:DOMAIN``
    The targets of the domain's SRV records, one after the other; without any, the
    domain itself at the default port.
``tls:HOST:PORT``, ``tcp:HOST:PORT``
    That host, and no SRV record is asked for.
``unix:PATH``, …
    Any other client endpoint of Twisted's, or of a plugin.

All addresses of a host are tried, IPv6 and IPv4, the next one when the one before it
has not answered within 250 ms (RFC 8305; ``HostnameEndpoint``). They are looked up
in a thread. TLS is put around that by who knows whom to trust (``client.dial``).
"""

from __future__ import annotations

import random
import re
import socket
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet import error
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    clientFromString,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from relaychat.net.names import LookupFailed, Names
from relaychat.net.service import Target, has_domain, targets_of

CONNECT_S = 15.0
"""How long an attempt to connect may take, the look-up of the host included."""
NEXT_S = 5.0
"""How long it may take while there is another target to try."""
ADDRESS_S = 0.25
"""Until the next address of a host is tried beside those before (RFC 8305, 8)."""
TLS_PORT = 7601
"""Where a relay listens with TLS unless somebody says otherwise."""

_TLS = re.compile(r"tls:(?P<host>\[[^\[\]]+\]|(\\:|[^:\[\]])+)(:(?P<port>[0-9]{1,5}))?")
FAILURES = (error.ConnectError, OSError, ValueError)
"""What an attempt to connect fails with; ValueError: the host can't be one."""


class BadServer(ValueError):
    """The endpoint string, the fingerprint or the authority is not usable."""


class Place(NamedTuple):
    """Where a ``tls:`` server is. Without a port it is a domain's."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = self.host.lower()
        shown = f"[{host}]" if ":" in host else host
        return shown if self.port is None else f"{shown}:{self.port}"


def place_of(server: str) -> Place:
    """The place of ``tls:HOST:PORT`` or ``tls:DOMAIN``; an IPv6 address is in brackets.
    What can't be a domain has the default port. Raises BadServer."""
    found = _TLS.fullmatch(server)
    host = found["host"].replace("\\:", ":").strip("[]").rstrip(".") if found else ""
    port = int(found["port"] or TLS_PORT) if found else 0
    if not found or not host or not 0 < port < 65536:
        raise BadServer(f"{server}: it is written tls:HOST:PORT or tls:DOMAIN")
    if found["port"] is None and has_domain(host):
        return Place(host)
    return Place(host, port)


class NoWay(error.ConnectError):
    """No target of a domain can be reached."""

    def __init__(
        self, tried: list[tuple[Target, Failure]], unasked: LookupFailed | None
    ) -> None:
        """``tried``: the targets, and what came of each. ``unasked``: why its SRV
        records are not known."""
        super().__init__()
        self.tried = tried
        self.unasked = unasked

    def __str__(self) -> str:
        return ", ".join(str(target) for target, _ in self.tried) + " can't be reached"


@implementer(IStreamClientEndpoint)
class Host:
    """A host, by its name or address, and a port. It fails with one of FAILURES."""

    def __init__(
        self, reactor: Any, host: str, port: int, within_s: float = CONNECT_S
    ) -> None:
        """``within_s``: how long an attempt may take in all."""
        self._reactor = reactor
        self._within_s = within_s
        self._host = HostnameEndpoint(
            reactor, host, port, timeout=within_s, attemptDelay=ADDRESS_S
        )

    def connect(self, factory: Any) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        attempt: Deferred[Any] = self._host.connect(factory)
        return attempt.addTimeout(self._within_s, self._reactor, _too_late)


def _too_late(result: object, seconds: float) -> Any:
    raise error.TimeoutError(string=f"no connection within {seconds:g} s")


Wrap = Callable[[IStreamClientEndpoint], IStreamClientEndpoint]
"""Puts something around an endpoint: TLS."""


@implementer(IStreamClientEndpoint)
class Domain:
    """The relay of a domain, wherever its SRV records say that it is. They are asked
    for at each attempt. It fails with NoWay or NotOffered."""

    def __init__(
        self,
        reactor: Any,
        names: Names,
        domain: str,
        wrap: Wrap,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``wrap`` is put around the endpoint of each target."""
        self._reactor = reactor
        self._names = names
        self._domain = domain
        self._wrap = wrap
        self._chance = chance

    def connect(self, factory: Any) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        attempt = _Attempt()
        going = Deferred.fromCoroutine(self._connect(factory, attempt))
        attempt.going = going
        done: Deferred[Any] = Deferred(attempt.cancel)
        going.chainDeferred(done)
        return done

    async def _connect(self, factory: Any, attempt: _Attempt) -> Any:
        unasked = None
        targets: list[Target] = []
        try:
            targets = await targets_of(self._names, self._domain, self._chance)
        except LookupFailed as reason:
            unasked = reason
        targets = targets or [Target(self._domain, TLS_PORT)]
        tried: list[tuple[Target, Failure]] = []
        for target in targets:
            within_s = CONNECT_S if target is targets[-1] else NEXT_S
            try:
                where = Host(self._reactor, *target, within_s)
                return await self._wrap(where).connect(factory)
            except FAILURES:
                tried.append((target, Failure()))
            if attempt.cancelled:
                raise CancelledError
        raise NoWay(tried, unasked)


class _Attempt:
    """An attempt that can be given up: then no other target is tried."""

    cancelled = False
    going: Deferred[Any]

    def cancel(self, done: Deferred[Any]) -> None:
        """See Deferred."""
        self.cancelled = True
        self.going.cancel()


def shown_certificate(host: str, port: int, name: str | None, within_s: float) -> bytes:
    """The certificate (DER) that a server shows to who asks for a name, whoever has
    signed it; it waits for it. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=within_s) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""


def of_host(reactor: Any, host: str, port: int) -> IStreamClientEndpoint:
    """A host. By its address it needs nothing but the address, which keeps the scope
    of a link-local one (``fe80::1%eth0``)."""
    if isIPAddress(host):
        return TCP4ClientEndpoint(reactor, host, port, timeout=CONNECT_S)
    if isIPv6Address(host):
        return TCP6ClientEndpoint(reactor, host, port, timeout=CONNECT_S)
    return Host(reactor, host, port)


def plain(reactor: Any, server: str) -> IStreamClientEndpoint:
    """The endpoint of a server without TLS. Raises BadServer."""
    kind, _, rest = server.partition(":")
    host, colon, port = rest.replace("\\:", ":").rpartition(":")
    if kind == "tcp" and colon and host and "=" not in rest and port.isdigit():
        return of_host(reactor, host.strip("[]"), int(port))
    try:
        made: IStreamClientEndpoint = clientFromString(reactor, server)
    except (ValueError, TypeError, KeyError):
        raise BadServer(
            f"{server}: a server is written tcp:HOST:PORT, tls:HOST:PORT, tls:DOMAIN or"
            " unix:PATH"
        ) from None
    return made
