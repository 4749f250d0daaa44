"""Where a server is, and whom TLS trusts there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.dial import BadServer, Pinned, endpoint


class Certificate:
    """A certificate, as far as a pin looks at it."""

    def digest(self, name: str) -> bytes:
        assert name == "sha256"
        return b":".join([b"AB"] * 32)


class EndpointTests(SynchronousTestCase):
    def dial(self, server: str, **trust: Any) -> Any:
        return endpoint(MemoryReactorClock(), server, **trust)

    def test_strings(self) -> None:
        """TCP and UNIX sockets are Twisted's own strings."""
        self.assertIsInstance(self.dial("unix:/run/x.sock"), UNIXClientEndpoint)
        self.assertIsNotNone(self.dial("tcp:127.0.0.1:7600"))

    def test_tls(self) -> None:
        """TLS needs host and port; an IPv6 address may be in brackets."""
        for good in ("tls:chat.example:7601", "tls:[::1]:7601", "tls:127.0.0.1:7601"):
            self.assertIsNotNone(self.dial(good))
            self.assertIsNotNone(self.dial(good, fingerprint="ab" * 32))
        for bad in ("tls:", "tls:chat.example", "tls:chat.example:ircs", "tls::7601"):
            self.assertRaises(BadServer, self.dial, bad)

    def test_wrong_strings(self) -> None:
        """What no endpoint understands is an error of ours."""
        for bad in ("", "nonsense", "tcp:", "what:x:1"):
            self.assertRaises(BadServer, self.dial, bad)

    def test_trust_without_tls(self) -> None:
        """To check a certificate where there is none would be a false promise."""
        self.assertRaises(BadServer, self.dial, "tcp:h:1", fingerprint="ab" * 32)
        self.assertRaises(BadServer, self.dial, "unix:x", ca=Path("ca.pem"))

    def test_bad_authority(self) -> None:
        """An authority that can't be read is an error that names the file."""
        path = Path(self.mktemp())
        path.write_text("no PEM")
        for one in (path, Path("none.pem")):
            error = self.assertRaises(BadServer, self.dial, "tls:h:1", ca=one)
            self.assertIn(str(one), str(error))


class PinnedTests(SynchronousTestCase):
    def test_fingerprint_is_checked(self) -> None:
        """A fingerprint is a SHA-256 in hexadecimal, with colons or without."""
        for bad in ("", "ab", "zz" * 32, "ab" * 33):
            self.assertRaises(BadServer, Pinned, "h", bad)
        Pinned("h", ":".join(["AB"] * 32))

    def test_leaf_alone_counts(self) -> None:
        """The server's own certificate has to be the pinned one; who signed it does not
        matter."""
        for pin, good in (("ab" * 32, True), ("cd" * 32, False)):
            pinned = Pinned("h", pin)
            self.assertEqual(pinned._verify(None, Certificate(), 18, 0, 0), good)
            self.assertTrue(pinned._verify(None, Certificate(), 19, 1, 0))

    def test_server_name(self) -> None:
        """The name is sent for the server to choose its certificate by; an address is
        not."""
        for host, name in (("chat.example", b"chat.example"), ("127.0.0.1", None)):
            connection = Pinned(host, "ab" * 32).clientConnectionForTLS(None)
            self.assertIsInstance(connection, SSL.Connection)
            self.assertEqual(connection.get_servername(), name)
