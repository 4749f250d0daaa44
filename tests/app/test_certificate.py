"""The certificates that relaychat makes itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.certificate import (
    AUTHORITY_DAYS,
    DEVELOPMENT_DAYS,
    SERVER_DAYS,
    development_certificate,
    make_authority,
    make_server,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def extension(made: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    """What a certificate's extension of a kind says."""
    return made.extensions.get_extension_for_class(kind).value


def names(made: x509.Certificate) -> list[str]:
    """Whom a certificate is for."""
    found = extension(made, x509.SubjectAlternativeName)
    return [str(name.value) for name in found]


class DevelopmentTests(SynchronousTestCase):
    """Self-signed, and good for this machine."""

    def setUp(self) -> None:
        folder = Path(mkdtemp())
        self.addCleanup(rmtree, folder)
        self.path = folder / "data" / "development.pem"
        development_certificate(self.path, "relay.test", NOW_MS)
        self.made = x509.load_pem_x509_certificate(self.path.read_bytes())

    def test_names(self) -> None:
        """It is for localhost, its addresses and the relay's own name."""
        self.assertEqual(
            names(self.made), ["localhost", "relay.test", "127.0.0.1", "::1"]
        )

    def test_life(self) -> None:
        """It is valid from now on, as long as clients accept."""
        self.assertLess(self.made.not_valid_before_utc, NOW)
        end = NOW + timedelta(days=DEVELOPMENT_DAYS)
        self.assertEqual(self.made.not_valid_after_utc, end)

    def test_file(self) -> None:
        """It is made once, for the owner alone."""
        pem = self.path.read_bytes()
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.path.parent.stat().st_mode & 0o777, 0o700)
        development_certificate(self.path, "other.test", NOW_MS)
        self.assertEqual(self.path.read_bytes(), pem)


class AuthorityTests(SynchronousTestCase):
    """A private authority and what it signs."""

    def setUp(self) -> None:
        self.authority = make_authority("Tea's relay", NOW)
        self.hosts = ("chat.test", "*.tea.test", "bücher.test", "192.0.2.1", "::1")
        self.server = make_server("chat.test", self.hosts, NOW, self.authority)

    def test_signed(self) -> None:
        """The authority signs itself and the server, and says by which key."""
        authority, server = self.authority.certificate, self.server.certificate
        authority.verify_directly_issued_by(authority)
        server.verify_directly_issued_by(authority)
        by = extension(server, x509.AuthorityKeyIdentifier).key_identifier
        self.assertEqual(by, extension(authority, x509.SubjectKeyIdentifier).digest)

    def test_names(self) -> None:
        """Names and addresses, those with other letters in the way that TLS has."""
        self.assertEqual(
            names(self.server.certificate),
            ["chat.test", "*.tea.test", "xn--bcher-kva.test", "192.0.2.1", "::1"],
        )

    def test_uses(self) -> None:
        """One may sign certificates and be no server, the other the reverse."""
        for made, authority in ((self.authority, True), (self.server, False)):
            limits = extension(made.certificate, x509.BasicConstraints)
            usage = extension(made.certificate, x509.KeyUsage)
            self.assertEqual(limits.ca, authority)
            self.assertEqual(usage.key_cert_sign, authority)
            self.assertEqual(usage.digital_signature, not authority)
        found = extension(self.server.certificate, x509.ExtendedKeyUsage)
        self.assertEqual(list(found), [ExtendedKeyUsageOID.SERVER_AUTH])

    def test_life(self) -> None:
        """The server's is renewed every year, the authority lives ten."""
        for made, days in (
            (self.server, SERVER_DAYS),
            (self.authority, AUTHORITY_DAYS),
        ):
            end = made.certificate.not_valid_after_utc
            self.assertEqual(end, NOW + timedelta(days=days))

    def test_no_name(self) -> None:
        """What can be no host name is an error."""
        self.assertRaises(ValueError, make_server, "a", ["a" * 64 + ".test"], NOW)
