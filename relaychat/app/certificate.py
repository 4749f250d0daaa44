"""A self-signed certificate for development: for this machine's own names only.

``cryptography`` is imported when one is made, which is once per data folder.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from relaychat.store.folder import make_folder, put_file

LIFE_DAYS = 825
"""The longest that common clients accept."""


def development_certificate(path: Path, name: str, now_ms: int) -> Path:
    """The PEM file with key and certificate at ``path``, made if it is not there.

    Raises OSError.
    """
    if not path.exists():
        make_folder(path.parent)
        pem = make_certificate(name, datetime.fromtimestamp(now_ms / 1000, UTC))
        put_file(path, pem)
    return path


def make_certificate(name: str, now: datetime) -> bytes:
    """Key and certificate, PEM, for localhost, its addresses and ``name``."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        generate_private_key,
    )
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    hosts: list[x509.GeneralName] = [
        x509.DNSName(host) for host in dict.fromkeys(["localhost", name])
    ]
    hosts += [x509.IPAddress(ip_address(host)) for host in ("127.0.0.1", "::1")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=LIFE_DAYS))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


def fingerprint(path: Path) -> str:
    """The SHA-256 fingerprint of a PEM file's first certificate, as clients show it.

    Raises OSError, ValueError.
    """
    from hashlib import sha256
    from ssl import PEM_cert_to_DER_cert

    text = path.read_text(encoding="ascii")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    first = text[text.index(begin) : text.index(end) + len(end)]
    digest = sha256(PEM_cert_to_DER_cert(first)).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
