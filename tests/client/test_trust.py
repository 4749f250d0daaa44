"""Whom TLS trusts, and what is said of those whom it does not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.ssl import (
    Certificate,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.trust import BadCertificate, Pinned, Signed, Trust
from tests.net.pki import Made, connections, fingerprint, make, server_of, shake_hands

NAMES = ("relay.test", "localhost", "127.0.0.1", "::1")


class Wire:
    """A client's TLS protocol, as far as a failed verification goes."""

    problem = ""

    def failVerification(self, reason: Failure) -> None:
        reason.trap(BadCertificate)
        self.problem = reason.getErrorMessage()


class TrustTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.pem = self.put(make(*NAMES))

    def put(self, made: Made) -> Path:
        return made.put(Path(self.mktemp())).certificate

    def own(self, pem: Path) -> Any:
        """A certificate as its own authority."""
        return trustRootFromCertificates([Certificate.loadPEM(pem.read_bytes())])

    def meet(self, trust: Trust, pem: Path) -> str:
        """What is wrong between a client and the server of a certificate; empty if they
        have shaken hands."""
        wire = Wire()
        server = server_of(connections(pem))
        client = trust.clientConnectionForTLS(wire)
        client.set_connect_state()
        try:
            shake_hands(server, client)
        except SSL.Error:
            self.assertTrue(wire.problem)
        else:
            self.assertEqual(wire.problem, "")
        return wire.problem

    def test_signed(self) -> None:
        """Who is signed by an authority of ours, and is who we asked for, is
        trusted."""
        for host in ("relay.test", "localhost", "127.0.0.1", "::1"):
            self.assertEqual(self.meet(Signed(host, self.own(self.pem)), self.pem), "")

    def test_self_signed(self) -> None:
        """A certificate that nobody vouches for is told as such, with the two ways to
        trust it."""
        problem = self.meet(Signed("localhost", platformTrust()), self.pem)
        self.assertIn("the certificate is self-signed.", problem)
        self.assertEqual(problem.count("--ca"), 1)
        self.assertIn(f"--fingerprint {fingerprint(self.pem)}", problem)

    def test_wrong_name(self) -> None:
        """A certificate for another name or address is told as such."""
        for host in ("chat.example", "192.0.2.1", "relay.test.example"):
            problem = self.meet(Signed(host, self.own(self.pem)), self.pem)
            self.assertIn(f"is not for {host}.", problem)

    def test_wrong_time(self) -> None:
        """A certificate that has expired, or begins in the future, is told as such."""
        day = timedelta(days=1)
        for begins, ends, text in (
            (-2 * day, -day, "has expired."),
            (day, 2 * day, "is not valid yet."),
        ):
            pem = self.put(make(*NAMES, begins=begins, ends=ends))
            problem = self.meet(Signed("localhost", self.own(pem)), pem)
            self.assertIn(f"the certificate {text}", problem)

    def test_other_errors(self) -> None:
        """What we have no words for is told by OpenSSL's number."""
        problem = Signed("localhost", None).problem(_Shown(), 79, 1)
        self.assertIn("OpenSSL's error 79", problem)

    def test_no_names(self) -> None:
        """A certificate without any name is for nobody."""
        pem = self.put(make())
        problem = self.meet(Signed("localhost", self.own(pem)), pem)
        self.assertIn("is not for localhost.", problem)

    def test_pinned(self) -> None:
        """The pinned certificate is trusted, whoever signed it and whatever its name;
        any other is not."""
        pin = fingerprint(self.pem)
        for one in (pin, pin.replace(":", "").lower()):
            self.assertEqual(self.meet(Pinned("chat.example", one), self.pem), "")
        problem = self.meet(Pinned("localhost", "ab" * 32), self.pem)
        self.assertIn(f"its fingerprint is {pin}", problem)

    def test_leaf_alone_is_pinned(self) -> None:
        """What stands above the server's own certificate does not matter to a pin."""
        self.assertEqual(Pinned("h", "cd" * 32).problem(_Shown(), 19, 1), "")

    def test_no_fingerprint(self) -> None:
        """A fingerprint is a SHA-256 in hexadecimal, with colons or without."""
        for bad in ("", "ab", "zz" * 32, "ab" * 33):
            self.assertRaises(ValueError, Pinned, "h", bad)
        Pinned("h", ":".join(["AB"] * 32))

    def test_server_name(self) -> None:
        """The name is sent for the server to choose its certificate by; an address is
        not."""
        for host, name in (("chat.example", b"chat.example"), ("127.0.0.1", None)):
            connection = Pinned(host, "ab" * 32).clientConnectionForTLS(None)
            self.assertEqual(connection.get_servername(), name)


class _Shown:
    """A certificate of an authority."""

    def digest(self, name: str) -> bytes:
        return b":".join([b"AB"] * 32)
