"""Certificates that relaychat makes itself: a self-signed one for development, and a
private authority with a server's certificate (``relaychat init``).

``cryptography`` is imported when one is made, which is once per data folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from relaychat.store.folder import make_folder, put_file

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

DEVELOPMENT_DAYS = 825
"""The longest that common clients accept."""
SERVER_DAYS = 365
"""The longest that Mozilla's profile allows."""
AUTHORITY_DAYS = 3650
"""Ten years: clients are given it by hand."""
_HOST_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.IGNORECASE)
LATE_CLOCKS = timedelta(hours=1)
"""How far behind a client's clock may be on the first day."""


class Issued(NamedTuple):
    """A certificate with its key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @property
    def fingerprint(self) -> bytes:
        """SHA-256."""
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.certificate.fingerprint(SHA256())

    def certificate_pem(self) -> bytes:
        """For everybody."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        """For its owner alone; it is not encrypted."""
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def development_certificate(path: Path, name: str, now_ms: int) -> Path:
    """The PEM file with key and certificate at ``path``, made if it is not there: for
    localhost, its addresses and ``name``.

    Raises OSError.
    """
    if not path.exists():
        make_folder(path.parent)
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        names = ("localhost", name, "127.0.0.1", "::1")
        made = make_server(name, names, now, days=DEVELOPMENT_DAYS)
        put_file(path, made.key_pem() + made.certificate_pem())
    return path


def make_authority(called: str, now: datetime) -> Issued:
    """An authority of one's own, for server certificates directly below it."""
    from cryptography import x509

    limit = x509.BasicConstraints(ca=True, path_length=0)
    return _issue(called, None, now, AUTHORITY_DAYS, limit, ())


def make_server(
    called: str,
    names: Sequence[str],
    now: datetime,
    issuer: Issued | None = None,
    days: int = SERVER_DAYS,
) -> Issued:
    """A certificate for these host names and addresses, signed by ``issuer`` or by
    itself. What it is ``called`` is for display, the names alone count.

    Raises ValueError for what is no name.
    """
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    hosts = [_host(name) for name in dict.fromkeys(names)]
    limit = x509.BasicConstraints(ca=False, path_length=None)
    more = (
        x509.SubjectAlternativeName(hosts),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
    )
    return _issue(called, issuer, now, days, limit, more)


def read_issued(certificate: Path, key: Path) -> Issued:
    """What was made here earlier. Raises OSError, ValueError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        made = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError):
        raise ValueError(
            f"{certificate} and {key}: not a certificate and its key"
        ) from None
    if not isinstance(private, EllipticCurvePrivateKey):
        raise ValueError(f"{key} was not made by relaychat init")
    return Issued(made, private)


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """Host names and addresses of a certificate."""
    from cryptography import x509

    kind = x509.SubjectAlternativeName
    found = certificate.extensions.get_extension_for_class(kind).value
    return [str(name.value) for name in found]


def _host(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    try:
        plain = name.encode("idna").decode()
    except UnicodeError:
        plain = ""
    if not _HOST_NAME.fullmatch(plain):
        raise ValueError(f"{name}: no host name, and no address")
    return x509.DNSName(plain)


def _issue(
    called: str,
    issuer: Issued | None,
    now: datetime,
    days: int,
    limit: x509.BasicConstraints,
    more: Sequence[x509.ExtensionType],
) -> Issued:
    """A new key, and its certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        generate_private_key,
    )
    from cryptography.hazmat.primitives.hashes import SHA256

    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, called[:64])])
    signing = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LATE_CLOCKS)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(limit, critical=True)
        .add_extension(_usage(limit.ca), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
    )
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    return Issued(builder.sign(signing, SHA256()), key)


def _usage(of_authority: bool) -> x509.KeyUsage:
    """What the key is for: an authority's signs certificates, a server's greets."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not of_authority,
        key_cert_sign=of_authority,
        crl_sign=of_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
