"""Whom TLS trusts: who is signed by an authority and has the host's name, or whoever
holds one certain certificate.

What is wrong with a certificate is told in words, by the ``BadCertificate`` that the
connection is lost with.
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from typing import Any

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.python.failure import Failure
from zope.interface import implementer

_UNTRUSTED = "is signed by nobody whom this machine trusts"
PROBLEMS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
}
"""OpenSSL's verification errors that people meet, in words."""


class BadCertificate(Exception):
    """The server's certificate is not the one it should be; the text says why."""


@implementer(IOpenSSLClientConnectionCreator)
class Trust(ABC):
    """Makes the TLS connections of a client to ``host``, a name or an address."""

    def __init__(self, host: str, **options: Any) -> None:
        """Raises ValueError for what is no host."""
        self.host = host
        self.is_address = isIPAddress(host) or isIPv6Address(host)
        self._name = host if self.is_address else host.encode("idna").decode()
        self._context = CertificateOptions(
            lowerMaximumSecurityTo=TLSVersion.TLSv1_3, **options
        ).getContext()

    def clientConnectionForTLS(self, tls: Any) -> SSL.Connection:
        """See IOpenSSLClientConnectionCreator."""

        def verify(
            connection: Any, certificate: Any, error: int, depth: int, fine: int
        ) -> bool:
            problem = self.problem(certificate, 0 if fine else error or 1, depth)
            if problem:
                tls.failVerification(Failure(BadCertificate(problem)))
            return not problem

        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tls)
        connection.set_verify(SSL.VERIFY_PEER, verify)
        if not self.is_address:
            connection.set_tlsext_host_name(self._name.encode())
        return connection

    @abstractmethod
    def problem(self, certificate: Any, error: int, depth: int) -> str:
        """What is wrong with a certificate of the chain, empty for nothing. ``error``
        is OpenSSL's, 0 for none; the server's own certificate has depth 0."""


class Signed(Trust):
    """Trusts who is signed by one of ``authorities``, and is who was asked for."""

    def __init__(self, host: str, authorities: Any) -> None:
        super().__init__(host, trustRoot=authorities)
        self._wanted = (IPAddress_ID if self.is_address else DNS_ID)(self._name)

    def problem(self, certificate: Any, error: int, depth: int) -> str:
        """See Trust."""
        if error:
            what = PROBLEMS.get(error, f"is not valid (OpenSSL's error {error})")
        elif depth == 0 and not self._is_for_us(certificate):
            what = f"is not for {self.host}"
        else:
            return ""
        return (
            f"the certificate {what}. Name its authority with --ca; or if it has the"
            " fingerprint that the relay prints at its start, pin it:"
            f" --fingerprint {certificate.digest('sha256').decode()}"
        )

    def _is_for_us(self, certificate: Any) -> bool:
        try:
            verify_service_identity(extract_patterns(certificate), [self._wanted], [])
        except (CertificateError, VerificationError):
            return False
        return True


class Pinned(Trust):
    """Trusts whoever holds the certificate with this SHA-256 fingerprint; nothing else
    about it counts."""

    def __init__(self, host: str, fingerprint: str) -> None:
        """Raises ValueError."""
        super().__init__(host)
        self._pin = fingerprint.replace(":", "").strip().lower()
        if len(self._pin) != 64 or set(self._pin) - set("0123456789abcdef"):
            raise ValueError("a fingerprint is 64 hexadecimal digits (SHA-256)")

    def problem(self, certificate: Any, error: int, depth: int) -> str:
        """See Trust."""
        shown = certificate.digest("sha256").decode()
        if depth or hmac.compare_digest(shown.replace(":", "").lower(), self._pin):
            return ""
        return f"the certificate is not the pinned one: its fingerprint is {shown}"
