"""TLS of the server: one certificate with its key, and how it is served.

Twisted does the work (``CertificateOptions``); what is ours is Mozilla's *intermediate*
profile on top of it, ALPN, and whether clients are asked for a certificate of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from zope.interface import implementer

SUITES = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)
"""Suites of TLS 1.2: Mozilla's intermediate profile less DHE. Those of 1.3 are all
good."""
GROUPS = "X25519MLKEM768:X25519:P-256:P-384"
"""For the key exchange: Mozilla's, and the one that a quantum computer does not
break."""
CHAIN_DEPTH = 9
"""Certificates between a client's and its authority."""


class TLSError(Exception):
    """A certificate or a key can't be used; the text says which file, and why."""


class Pair(NamedTuple):
    """A certificate (its chain in the same PEM file) and its key; both may be one
    file."""

    certificate: Path
    key: Path


class Clients(NamedTuple):
    """Whether clients are asked for a certificate. Who has none comes in without."""

    asked: bool = False
    """Any certificate will do: who shows it proves to have its key, no more."""
    authority: Path | None = None
    """If given, theirs have to be signed by one of the authorities in this file."""


class Certificate(NamedTuple):
    """A certificate that can be served."""

    pair: Pair
    names: tuple[str, ...]
    """The host names that it is for, in lower case; a wildcard is its first label."""
    fingerprint: str
    """SHA-256, as clients show it: ``AB:CD:…``."""
    since: datetime
    until: datetime
    is_authority: bool
    """It is for signing others, and not a server's."""
    context: SSL.Context


Choice = Callable[[bytes | None], SSL.Context | None]
"""By the name that a client asks for, if any: the context to go on with, or None for
the present one."""


NO_CLIENTS = Clients()


def load(
    pair: Pair, clients: Clients = NO_CLIENTS, choice: Choice | None = None
) -> Certificate:
    """Read a certificate and make it ready for TLS 1.2 and 1.3.

    Raises TLSError.
    """
    chain, private = _read(pair)
    own = chain[0]
    # Twisted's types still name pyOpenSSL's classes; it takes cryptography's.
    certificate: Any = own
    options = CertificateOptions(
        privateKey=private,
        certificate=certificate,
        extraCertChain=chain[1:],
        lowerMaximumSecurityTo=TLSVersion.TLSv1_3,
        insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
        acceptableCiphers=AcceptableCiphers.fromOpenSSLCipherString(SUITES),
        contextForServerName=choice,
    )
    try:
        context = options.getContext()
    except SSL.Error as error:
        raise TLSError(f"{pair.certificate}: {openssl_text(error)}") from None
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_select_callback(_choose_protocol)
    limit_groups(context)
    if clients.asked or clients.authority is not None:
        _ask_clients(context, clients.authority)
    return Certificate(
        pair,
        _names(own),
        colons(own.fingerprint(SHA256())),
        own.not_valid_before_utc,
        own.not_valid_after_utc,
        _is_authority(own),
        context,
    )


def _read(pair: Pair) -> tuple[list[Any], Any]:
    """The chain, the server's own certificate first, and the key."""
    try:
        chain = x509.load_pem_x509_certificates(pair.certificate.read_bytes())
        private = serialization.load_pem_private_key(pair.key.read_bytes(), None)
        fits = chain[0].public_key() == private.public_key()
    except OSError as error:
        raise TLSError(f"{error.filename}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise TLSError(
            f"{pair.certificate} and {pair.key}: not a certificate and its key"
        ) from error
    if not fits:
        raise TLSError(f"{pair.key} is not the key of {pair.certificate}")
    return chain, private


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return ()
    return tuple(
        [name.lower() for name in found.value.get_values_for_type(x509.DNSName)]
    )


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def colons(digest: bytes) -> str:
    """A fingerprint as it is shown: ``AB:CD:…``."""
    return digest.hex(":").upper()


def openssl_text(error: SSL.Error) -> str:
    """What OpenSSL says, in its own words."""
    reasons = [str(entry[-1]) for entry in error.args[0]] if error.args else []
    return ", ".join(reasons) or "OpenSSL does not take it"


def limit_groups(context: SSL.Context, groups: str = GROUPS) -> None:
    """Offer no other groups for the key exchange.

    pyOpenSSL has no name for a list of them. Should what lies below it change, P-256
    alone is left, which everybody has: worse, and still Mozilla's.
    """
    try:
        from OpenSSL._util import lib

        done = lib.SSL_CTX_set1_curves_list(context._context, groups.encode())
    except (ImportError, AttributeError):
        done = 0
    if not done:
        context.set_tmp_ecdh(SECP256R1())


def _ask_clients(context: SSL.Context, authority: Path | None) -> None:
    """Raises TLSError."""

    def verify(
        connection: SSL.Connection, shown: Any, error: int, depth: int, fine: int
    ) -> bool:
        return bool(fine) or authority is None

    context.set_verify(SSL.VERIFY_PEER, verify)
    context.set_verify_depth(CHAIN_DEPTH)
    if authority is None:
        return
    try:
        x509.load_pem_x509_certificates(authority.read_bytes())
        context.load_verify_locations(str(authority))
        context.load_client_ca(bytes(authority))
    except OSError as error:
        raise TLSError(f"{authority}: {error.strerror}") from None
    except (ValueError, SSL.Error):
        raise TLSError(f"{authority}: there is no certificate (PEM) in it") from None


class ServerConnection(SSL.Connection):
    """The server's end of a connection, which knows what its door speaks."""

    alpn: tuple[bytes, ...] = ()


def _choose_protocol(connection: SSL.Connection, offered: list[bytes]) -> Any:
    """The first protocol of ours that a client offers (RFC 7301).

    Who offers only others is at the wrong door, or was led there (ALPACA), and is
    refused. A door whose dialect has no name there takes no part in it.
    """
    ours = getattr(connection, "alpn", ())
    for name in ours:
        if name in offered:
            return name
    if ours:
        raise SSL.Error([("relaychat", "", "no protocol in common")])
    return SSL.NO_OVERLAPPING_PROTOCOLS


@implementer(IOpenSSLServerConnectionCreator)
class ServerConnections:
    """Makes the connections of one door.

    ``context`` says which one a connection begins with: it is asked each time, so a
    new certificate is served from the next connection on, and those that are there
    keep what they began with.
    """

    def __init__(
        self, context: Callable[[], SSL.Context], alpn: tuple[str, ...] = ()
    ) -> None:
        self._context = context
        self._alpn = tuple([name.encode() for name in alpn])

    def serverConnectionForTLS(self, tls: Any) -> SSL.Connection:
        """See IOpenSSLServerConnectionCreator."""
        connection = ServerConnection(self._context(), None)
        connection.alpn = self._alpn
        return connection
