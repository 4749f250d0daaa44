"""Certificates of all kinds, the wrong ones too, and TLS without a network."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from OpenSSL import SSL

from relaychat.net.tls import NO_CLIENTS, Clients, Pair, ServerConnections, load

NOW = datetime.now(UTC).replace(microsecond=0)
FOR_SERVERS = ExtendedKeyUsageOID.SERVER_AUTH
FOR_CLIENTS = ExtendedKeyUsageOID.CLIENT_AUTH
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Made(NamedTuple):
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def fingerprint(self) -> str:
        """SHA-256, as it is shown."""
        return self.certificate.fingerprint(SHA256()).hex(":").upper()

    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        """The key alone."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def put(self, certificate: Path, key: Path | None = None) -> Pair:
        """Both in one file, or in two."""
        certificate.parent.mkdir(parents=True, exist_ok=True)
        if key is None:
            certificate.write_bytes(self.key_pem() + self.certificate_pem())
            return Pair(certificate, certificate)
        certificate.write_bytes(self.certificate_pem())
        key.write_bytes(self.key_pem())
        return Pair(certificate, key)


def make(
    *names: str,
    by: Made | None = None,
    key: Key | None = None,
    begins: timedelta = timedelta(hours=-1),
    ends: timedelta = timedelta(days=30),
    usage: ObjectIdentifier | None = FOR_SERVERS,
    authority: bool = False,
) -> Made:
    """A certificate for these names and addresses, by itself unless told otherwise."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    called = names[0] if names else "somebody"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    limits = x509.BasicConstraints(ca=authority, path_length=None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + begins)
        .not_valid_after(NOW + ends)
        .add_extension(limits, critical=True)
    )
    if names and not authority:
        builder = builder.add_extension(_names(names), critical=False)
    if usage is not None and not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Made(builder.sign(by.key if by else key, SHA256()), key)


def _names(names: Sequence[str]) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(found)


def connections(pem: Path, clients: Clients = NO_CLIENTS) -> ServerConnections:
    """A server's TLS, with the certificate and key of one file."""
    context = load(Pair(pem, pem), clients).context
    return ServerConnections(lambda: context)


def client(name: str = "", shows: Made | None = None) -> SSL.Connection:
    """A client's end that trusts everybody and asks for a name."""
    context = SSL.Context(SSL.TLS_METHOD)
    if shows is not None:
        context.use_certificate(shows.certificate)
        context.use_privatekey(shows.key)
    return client_of(context, name)


def client_of(context: SSL.Context, name: str = "") -> SSL.Connection:
    """A client's end with this context."""
    made = SSL.Connection(context, None)
    made.set_connect_state()
    if name:
        made.set_tlsext_host_name(name.encode())
    return made


def server_of(made: ServerConnections) -> SSL.Connection:
    """A server's end."""
    connection = made.serverConnectionForTLS(None)
    connection.set_accept_state()
    return connection


def shake_hands(server: SSL.Connection, client: SSL.Connection) -> None:
    """Carry bytes between two ends until both have finished their handshakes. Raises
    SSL.Error."""
    waiting = {server, client}
    for _ in range(20):
        for one, other in ((client, server), (server, client)):
            try:
                one.do_handshake()
                waiting.discard(one)
            except SSL.WantReadError:
                pass
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(1 << 16))
        if not waiting:
            return
    raise AssertionError("the handshake does not end")


def shown(server: SSL.Connection, to: SSL.Connection) -> str:
    """The fingerprint of the certificate that a server shows a client."""
    shake_hands(server, to)
    certificate: Any = to.get_peer_certificate(as_cryptography=True)
    return str(certificate.fingerprint(SHA256()).hex(":").upper())


def fingerprint(pem: Path) -> str:
    """Of a file's first certificate."""
    found = x509.load_pem_x509_certificate(pem.read_bytes())
    return found.fingerprint(SHA256()).hex(":").upper()
