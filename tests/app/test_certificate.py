"""The development certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.certificate import (
    LIFE_DAYS,
    development_certificate,
    fingerprint,
    make_certificate,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


class CertificateTests(SynchronousTestCase):
    """Self-signed, and good for this machine."""

    def test_names(self) -> None:
        """It is for localhost, its addresses and the relay's own name."""
        made = x509.load_pem_x509_certificate(make_certificate("relay.test", NOW))
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        self.assertEqual(
            [str(name.value) for name in names.value],
            ["localhost", "relay.test", "127.0.0.1", "::1"],
        )

    def test_life(self) -> None:
        """It is valid from now on, as long as clients accept."""
        made = x509.load_pem_x509_certificate(make_certificate("relay.test", NOW))
        self.assertLess(made.not_valid_before_utc, NOW)
        self.assertEqual(made.not_valid_after_utc, NOW + timedelta(days=LIFE_DAYS))

    def test_file(self) -> None:
        """It is made once, for the owner alone, and its fingerprint is the real one."""
        folder = Path(mkdtemp())
        self.addCleanup(rmtree, folder)
        path = folder / "data" / "development.pem"
        development_certificate(path, "relay.test", NOW_MS)
        pem = path.read_bytes()
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(path.parent.stat().st_mode & 0o777, 0o700)
        development_certificate(path, "other.test", NOW_MS)
        self.assertEqual(path.read_bytes(), pem)
        digest = x509.load_pem_x509_certificate(pem).fingerprint(SHA256())
        self.assertEqual(fingerprint(path).replace(":", ""), digest.hex().upper())
