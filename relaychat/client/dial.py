"""Where a server is: an endpoint string, and whom TLS trusts there.

``tcp:HOST:PORT``, ``unix:PATH``, ``tls:HOST:PORT``, or any client endpoint that a
Twisted plugin brings. With TLS the certificate has to be valid for the host (service
identity) and signed by an authority that the system trusts, or by the one in ``ca``; or
it is pinned by its SHA-256 fingerprint, and nothing else about it counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from OpenSSL import crypto
from twisted.internet.endpoints import (
    HostnameEndpoint,
    clientFromString,
    wrapClientTLS,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import (
    Certificate,
    platformTrust,
    trustRootFromCertificates,
)

from relaychat.client.trust import Pinned, Signed, Trust

CONNECT_S = 15
"""How long an attempt to connect may take."""


class BadServer(ValueError):
    """The endpoint string, the fingerprint or the authority is not usable."""


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


def _tls(reactor: Any, rest: str, ca: Path | None, fingerprint: str) -> Any:
    host, colon, port = rest.rpartition(":")
    host = host.replace("\\:", ":").strip("[]")
    if not colon or not host or not port.isdigit():
        raise BadServer(f"tls:{rest}: it is written tls:HOST:PORT")
    authorities = None if fingerprint else _authorities(ca)
    trust: Trust
    try:
        trust = Pinned(host, fingerprint) if fingerprint else Signed(host, authorities)
    except ValueError as error:
        raise BadServer(f"tls:{rest}: {error}") from None
    return wrapClientTLS(
        trust, HostnameEndpoint(reactor, host, int(port), timeout=CONNECT_S)
    )


def endpoint(
    reactor: Any, server: str, ca: Path | None = None, fingerprint: str = ""
) -> IStreamClientEndpoint:
    """The endpoint of a server's string. Raises BadServer."""
    kind, _, rest = server.partition(":")
    if kind == "tls":
        tls: IStreamClientEndpoint = _tls(reactor, rest, ca, fingerprint)
        return tls
    if ca is not None or fingerprint:
        raise BadServer(f"{server} has no TLS, so there is no certificate to check")
    try:
        plain: IStreamClientEndpoint = clientFromString(reactor, server)
    except (ValueError, TypeError, KeyError):
        raise BadServer(
            f"{server}: a server is written tcp:HOST:PORT, tls:HOST:PORT or unix:PATH"
        ) from None
    return plain
