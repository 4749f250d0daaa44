"""A server's endpoint (see ``net.dial``), and whom TLS trusts there.

The certificate has to be valid for the host or the domain that the user named (service
identity, RFC 9525), wherever SRV records lead; and signed by an authority that the
system trusts, or by the one in ``ca``. Or it is pinned by its SHA-256 fingerprint, and
nothing else about it counts. A pin is given, or kept from an earlier time (``pins``).
"""

from __future__ import annotations

import os
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import crypto
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import (
    Certificate,
    platformTrust,
    trustRootFromCertificates,
)
from zope.interface import implementer

from relaychat.client.cli.output import note
from relaychat.client.greeting import Greeting
from relaychat.client.pins import Pins
from relaychat.client.state import StateError
from relaychat.client.trust import FirstUse, Pinned, Signed, Trust
from relaychat.net.dial import BadServer, Domain, Place, of_host, place_of, plain
from relaychat.net.names import BadName, LookupFailed, Names, server_of
from relaychat.net.service import fingerprints_of
from relaychat.wire.scram import NONCE_BYTES

NAME_SERVER = "RELAYCHAT_NAME_SERVER"
"""In the environment: whom to ask for SRV and TXT records, ``ADDRESS[:PORT]``, in place
of the system's name servers."""


def _authorities(ca: Path | None) -> Any:
    """Whose signatures count. Raises BadServer."""
    if ca is None:
        return platformTrust()
    try:
        return trustRootFromCertificates([Certificate.loadPEM(ca.read_bytes())])
    except OSError as error:
        raise BadServer(f"{ca}: {error.strerror}") from None
    except crypto.Error:
        raise BadServer(f"{ca}: there is no certificate (PEM) in it") from None


class Trusting(NamedTuple):
    """Whom to trust, as far as somebody said so. A fingerprint counts before an
    authority, that before a pin, and a pin before the system's authorities."""

    ca: Path | None = None
    """Who is signed by this authority (PEM)."""
    fingerprint: str = ""
    """Who holds the certificate with this SHA-256."""
    pins: Pins | None = None
    """Who was trusted before. Without a pin, whom the system trusts."""
    new: bool = False
    """Whoever it is, at the first time; then only that one."""
    shows: Path | None = None
    """Our own certificate with its key (PEM), for servers that ask for one."""

    def at(self, place: Place) -> Trust:
        """Whom to trust at a place. Raises ValueError, BadServer, StateError."""
        host, where, shows = place.host, str(place), _shown(self.shows)
        if self.fingerprint:
            return Pinned(host, self.fingerprint, **shows)
        if self.ca is not None:
            return Signed(host, _authorities(self.ca), where, named=True, **shows)
        pin = self.pins.get(where) if self.pins is not None else None
        if pin is not None:
            return Pinned(host, pin.fingerprint, pin.since, **shows)
        if self.pins is not None and self.new:
            keep = partial(keep_pin, self.pins, place)
            return FirstUse(host, platformTrust(), keep, **shows)
        return Signed(host, platformTrust(), where, **shows)


def _shown(file: Path | None) -> dict[str, Any]:
    """The options of TLS that show our own certificate. Raises BadServer."""
    if file is None:
        return {}
    try:
        data = file.read_bytes()
        first, *chain = x509.load_pem_x509_certificates(data)
        key = load_pem_private_key(data, None)
        fits = key.public_key() == first.public_key()
    except OSError as error:
        raise BadServer(f"{file}: {error.strerror}") from None
    except (ValueError, TypeError):
        fits = False
    if not fits:
        raise BadServer(f"{file}: not a certificate with its key, in one PEM file")
    return {"certificate": first, "privateKey": key, "extraCertChain": chain}


def keep_pin(pins: Pins, place: Place, fingerprint: str) -> str:
    """Keep a new pin. Returns why that can't be."""
    try:
        pins.put(str(place), fingerprint)
    except StateError as error:
        return f"can't be remembered: {error}"
    note(f"{place} is trusted from now on, by its certificate: SHA-256 {fingerprint}")
    return ""


NOTHING_SAID = Trusting()


def endpoint(
    reactor: Any, server: str, trusting: Trusting = NOTHING_SAID
) -> IStreamClientEndpoint:
    """The endpoint of a server's string. Raises BadServer, StateError."""
    if server.startswith("tls:"):
        return _tls(reactor, server, trusting)
    if trusting.ca is not None or trusting.fingerprint or trusting.shows is not None:
        raise BadServer(f"{server} has no TLS, so no certificate has a place there")
    return plain(reactor, server)


def names(reactor: Any) -> Names:
    """Who is asked for SRV and TXT records. Raises BadServer."""
    given = os.environ.get(NAME_SERVER)
    try:
        return Names(reactor, [server_of(given)] if given else None)
    except BadName as error:
        raise BadServer(f"${NAME_SERVER}: {error}") from None


def _tls(reactor: Any, server: str, trusting: Trusting) -> IStreamClientEndpoint:
    place = place_of(server)
    try:
        trust = trusting.at(place)
    except BadServer:
        raise
    except ValueError as error:
        raise BadServer(f"{server}: {error}") from None
    return secured(reactor, place, trust)


def secured(reactor: Any, place: Place, trust: Trust) -> IStreamClientEndpoint:
    """The endpoint of a place with TLS. Raises BadServer."""
    wrap = partial(wrapClientTLS, trust)
    if place.port is not None:
        made: IStreamClientEndpoint = wrap(of_host(reactor, place.host, place.port))
        return made
    asked = names(reactor)
    made = Domain(reactor, asked, place.host, wrap)
    if isinstance(trust, FirstUse):
        made = _Announced(made, asked, place.host, trust)
    return made


@implementer(IStreamClientEndpoint)
class _Announced:
    """The endpoint of a domain that is trusted at its first use: after a look at the
    fingerprints that it publishes. They are no proof, for who can stand in between can
    mostly change the DNS too; but a certificate that is not among them is refused."""

    def __init__(
        self, endpoint: Any, asked: Names, domain: str, trust: FirstUse
    ) -> None:
        self._endpoint = endpoint
        self._names = asked
        self._domain = domain
        self._trust = trust

    def connect(self, factory: Any) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: Any) -> Any:
        try:
            self._trust.announced = await fingerprints_of(self._names, self._domain)
        except LookupFailed:
            self._trust.announced = []
        return await self._endpoint.connect(factory)


def private(server: str) -> bool:
    """Whether nobody on the way to a server can listen: TLS, or this machine."""
    kind, _, rest = server.partition(":")
    host = rest.replace("\\:", ":").rpartition(":")[0].strip("[]")
    return kind in ("tls", "unix") or (kind == "tcp" and _is_here(host))


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def greeting(server: str) -> Greeting:
    """How to say hello to a server: without the password itself, wherever it can."""
    return Greeting(partial(token_urlsafe, NONCE_BYTES), private(server))
