"""TLS of the server: which certificate, which protocols, which suites.

Twisted does the work (``CertificateOptions``); what is ours is Mozilla's *intermediate*
profile on top of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion

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


class TLSError(Exception):
    """A certificate or a key can't be used; the text says which file, and why."""


def context(certificate: Path, key: Path) -> CertificateOptions:
    """TLS 1.2 and 1.3 with this certificate (its chain in the same PEM file).

    Raises TLSError.
    """
    try:
        # Twisted's types still name pyOpenSSL's classes; it takes cryptography's.
        chain: Any = x509.load_pem_x509_certificates(certificate.read_bytes())
        private: Any = serialization.load_pem_private_key(key.read_bytes(), None)
    except OSError as error:
        raise TLSError(f"{error.filename}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise TLSError(
            f"{certificate} and {key}: not a certificate and its key"
        ) from error
    if chain[0].public_key() != private.public_key():
        raise TLSError(f"{key} is not the key of {certificate}")
    options = CertificateOptions(
        privateKey=private,
        certificate=chain[0],
        extraCertChain=chain[1:],
        lowerMaximumSecurityTo=TLSVersion.TLSv1_3,
        insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
        acceptableCiphers=AcceptableCiphers.fromOpenSSLCipherString(SUITES),
    )
    made = options.getContext()
    made.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_alpn_select_callback(_no_protocol)
    return options


def _no_protocol(connection: SSL.Connection, offered: list[bytes]) -> Any:
    """Each port speaks one dialect, so there is nothing to choose. Twisted's own
    callback fails the handshake of a client that offers anything."""
    return SSL.NO_OVERLAPPING_PROTOCOLS
