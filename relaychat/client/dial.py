"""Where a server is: an endpoint string, and whom TLS trusts there.

``tcp:HOST:PORT``, ``unix:PATH``, ``tls:HOST:PORT``, or any client endpoint that a
Twisted plugin brings. With TLS the certificate has to be valid for the host (service
identity) and signed by an authority that the system trusts, or by the one in ``ca``; or
it is pinned by its SHA-256 fingerprint, and nothing else about it counts.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import (
    HostnameEndpoint,
    clientFromString,
    wrapClientTLS,
)
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IStreamClientEndpoint,
)
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from zope.interface import implementer

CONNECT_S = 15
"""How long an attempt to connect may take."""


class BadServer(ValueError):
    """The endpoint string, the fingerprint or the authority is not usable."""


@implementer(IOpenSSLClientConnectionCreator)
class Pinned:
    """TLS to whoever holds the certificate with this SHA-256 fingerprint."""

    def __init__(self, hostname: str, fingerprint: str) -> None:
        """Raises BadServer."""
        self._hostname = hostname
        self._pin = fingerprint.replace(":", "").strip().lower()
        if len(self._pin) != 64 or set(self._pin) - set("0123456789abcdef"):
            raise BadServer("a fingerprint is 64 hexadecimal digits (SHA-256)")
        options = CertificateOptions(lowerMaximumSecurityTo=TLSVersion.TLSv1_3)
        self._context = options.getContext()
        self._context.set_verify(SSL.VERIFY_PEER, self._verify)

    def _verify(
        self, connection: Any, certificate: Any, error: int, depth: int, fine: int
    ) -> bool:
        if depth:
            return True
        shown = certificate.digest("sha256").decode().replace(":", "").lower()
        return hmac.compare_digest(shown, self._pin)

    def clientConnectionForTLS(self, tls: Any) -> SSL.Connection:
        """See IOpenSSLClientConnectionCreator."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tls)
        if not self._hostname.replace(".", "").isdigit() and ":" not in self._hostname:
            connection.set_tlsext_host_name(self._hostname.encode("idna"))
        return connection


def _tls(reactor: Any, rest: str, ca: Path | None, fingerprint: str) -> Any:
    host, colon, port = rest.rpartition(":")
    host = host.replace("\\:", ":").strip("[]")
    if not colon or not host or not port.isdigit():
        raise BadServer(f"tls:{rest}: it is written tls:HOST:PORT")
    creator: Any
    if fingerprint:
        creator = Pinned(host, fingerprint)
    elif ca is not None:
        try:
            trust = trustRootFromCertificates([Certificate.loadPEM(ca.read_bytes())])
        except OSError as error:
            raise BadServer(f"{ca}: {error.strerror}") from None
        except crypto.Error:
            raise BadServer(f"{ca}: there is no certificate (PEM) in it") from None
        creator = optionsForClientTLS(host, trustRoot=trust)
    else:
        creator = optionsForClientTLS(host)
    return wrapClientTLS(
        creator, HostnameEndpoint(reactor, host, int(port), timeout=CONNECT_S)
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
    except (ValueError, TypeError, KeyError) as error:
        raise BadServer(f"{server}: {error}") from None
    return plain
