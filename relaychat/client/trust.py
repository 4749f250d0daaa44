"""Whom TLS trusts: who is signed by an authority and has the host's name, or whoever
holds one certain certificate.

What is wrong with a certificate is told in words, by the ``BadCertificate`` that the
connection is lost with. A weak key is refused in any case: whoever breaks it holds the
certificate too.
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.python.failure import Failure
from zope.interface import implementer

RSA_BITS = 2048
"""The least that an RSA key has to have."""
_UNTRUSTED = "is signed by nobody whom this machine trusts"
UNKNOWN = {
    18: "is self-signed",
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
}
"""OpenSSL's verification errors that say: nobody vouches for it."""
PROBLEMS = {
    **UNKNOWN,
    9: "is not valid yet",
    10: "has expired",
    26: "is for another purpose than a server",
    66: "has a weak key",
    67: "is signed with a weak key",
    68: "is signed with a weak digest",
    79: "is signed by one that may not sign others",
}
"""Those that people meet, in words."""


class BadCertificate(Exception):
    """The server's certificate is not the one it should be; the text says why."""


@implementer(IOpenSSLClientConnectionCreator)
class Trust(ABC):
    """Makes the TLS connections of a client to ``host``, a name or an address."""

    def __init__(self, host: str, **options: Any) -> None:
        """``options``: more for ``CertificateOptions``.

        Raises ValueError for what is no host.
        """
        self.host = host
        self.is_address = isIPAddress(host) or isIPv6Address(host)
        # No certificate is for an address's scope, which is this machine's own affair.
        bare = host.partition("%")[0]
        self._name = bare if self.is_address else host.encode("idna").decode()
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

    def __init__(
        self,
        host: str,
        authorities: Any,
        where: str = "",
        named: bool = False,
        **options: Any,
    ) -> None:
        """``where``: what the server is called for ``relaychat trust``. ``named``: the
        authorities are those of ``--ca``, not the system's."""
        super().__init__(host, trustRoot=authorities, **options)
        self._where, self._named = where, named
        self._wanted = (IPAddress_ID if self.is_address else DNS_ID)(self._name)

    def problem(self, certificate: Any, error: int, depth: int) -> str:
        """See Trust."""
        weak = weakness(_key(certificate))
        if weak:
            return f"the certificate {weak}"
        if error:
            what = PROBLEMS.get(error, f"is not valid (OpenSSL's error {error})")
        elif depth == 0 and not self._is_for_us(certificate):
            what = f"is not for {self.host}"
        else:
            return ""
        if error not in UNKNOWN:  # Another authority would not mend it.
            advice = "If"
        elif self._named:
            advice = "It is not by the authority that --ca names. If"
        else:
            advice = "Name its authority with --ca; or if"
        # Above depth 0 it is an authority's, which nobody could pin.
        pin = "" if depth else f" --fingerprint {fingerprint_of(certificate)}, or"
        return (
            f"the certificate {what}. {advice} the relay's owner confirms its"
            f" fingerprint, trust it by that:{pin} relaychat trust {self._where}"
        ).rstrip()

    def _is_for_us(self, certificate: Any) -> bool:
        try:
            verify_service_identity(extract_patterns(certificate), [self._wanted], [])
        except (CertificateError, VerificationError):
            return False
        return True


class Pinned(Trust):
    """Trusts whoever holds the certificate with this SHA-256 fingerprint; nothing else
    about it counts."""

    def __init__(
        self, host: str, fingerprint: str, since: str = "", **options: Any
    ) -> None:
        """``since``: the day on which the pin was made, if it is one that was kept.

        Raises ValueError.
        """
        super().__init__(host, **options)
        self._since = since
        self._pin = digest_of(fingerprint)

    def problem(self, certificate: Any, error: int, depth: int) -> str:
        """See Trust."""
        if depth:
            return ""
        shown = fingerprint_of(certificate)
        if hmac.compare_digest(digest_of(shown), self._pin):
            weak = weakness(_key(certificate))
            return f"the certificate {weak}" if weak else ""
        if not self._since:
            return f"the certificate is not the pinned one: its fingerprint is {shown}"
        pin = self._pin.hex(":").upper()
        return (
            "THE CERTIFICATE HAS CHANGED. Either the relay has a new one, or somebody"
            f" stands in between and reads along. Trusted since {self._since}: {pin}."
            f" Shown now: {shown}. If the relay's owner confirms that this is the new"
            " one: relaychat trust --forget, then trust it again"
        )


class FirstUse(Signed):
    """Trusts as ``Signed`` does; and if nobody vouches for the server, its certificate
    all the same, from the first time on and no other.

    One that an authority of ours has signed for somebody else, or for another time, is
    refused: whoever shows that has no certificate of its own.
    """

    def __init__(
        self,
        host: str,
        authorities: Any,
        keep: Callable[[str], str],
        **options: Any,
    ) -> None:
        """``keep`` is called with the fingerprint to keep, and returns why that can't
        be, empty if it is done."""
        super().__init__(host, authorities, **options)
        self._keep = keep
        self._unknown = False
        self._kept: Pinned | None = None
        self.announced: list[str] = []
        """The fingerprints that the host publishes in the DNS, if it does."""

    def problem(self, certificate: Any, error: int, depth: int) -> str:
        """See Trust."""
        if self._kept is not None:
            return self._kept.problem(certificate, error, depth)
        self._unknown = self._unknown or error in UNKNOWN
        if not self._unknown:
            return super().problem(certificate, error, depth)
        if depth:
            return ""
        self._unknown = False  # Until the next connection, whose server may be another.
        shown = fingerprint_of(certificate)
        problem = weakness(_key(certificate))
        if not problem and self.announced and not is_among(shown, self.announced):
            problem = f"is not one that {self.host} publishes in the DNS"
        problem = problem or self._keep(shown)
        if problem:
            return f"the certificate {problem}"
        self._kept = Pinned(self.host, shown)
        return ""


def fingerprint_of(certificate: Any) -> str:
    """SHA-256, as it is shown: ``AB:CD:…``."""
    digest: bytes = certificate.digest("sha256")
    return digest.decode()


def digest_of(fingerprint: str) -> bytes:
    """The digest that a fingerprint is, with colons or without.

    Raises ValueError.
    """
    digits = fingerprint.replace(":", "").strip()
    if len(digits) != 64 or set(digits) - set("0123456789abcdefABCDEF"):
        raise ValueError("a fingerprint is 64 hexadecimal digits (SHA-256)")
    return bytes.fromhex(digits)


def is_among(fingerprint: str, others: list[str]) -> bool:
    """Whether a fingerprint is one of these; what is none of all is passed over."""
    for other in others:
        try:
            if digest_of(other) == digest_of(fingerprint):
                return True
        except ValueError:
            continue
    return False


def _key(certificate: Any) -> object:
    return certificate.get_pubkey().to_cryptography_key()


def weakness(key: object) -> str:
    """What is weak about a certificate's key, empty for nothing."""
    if isinstance(key, RSAPublicKey | DSAPublicKey) and key.key_size < RSA_BITS:
        return f"has a weak key ({key.key_size} bits; {RSA_BITS} is the least)"
    return ""
