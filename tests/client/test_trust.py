"""Whom TLS trusts, and what is said of those whom it does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from OpenSSL import SSL
from twisted.internet.ssl import (
    Certificate,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.trust import BadCertificate, FirstUse, Pinned, Signed, Trust
from relaychat.net.tls import ServerConnections
from tests.net.pki import FOR_CLIENTS, Made, make, server_of, shake_hands

NAMES = ("relay.test", "localhost", "127.0.0.1", "::1")
DAY = timedelta(days=1)


class Wire:
    """A client's TLS protocol, as far as a failed verification goes."""

    problem = ""

    def failVerification(self, reason: Failure) -> None:
        """The first problem is the one that is told."""
        reason.trap(BadCertificate)
        self.problem = self.problem or reason.getErrorMessage()


class TrustCase(SynchronousTestCase):
    """A server that shows anything, and a client that does not take it."""

    def setUp(self) -> None:
        self.authority = make("Tea", authority=True)
        self.good = make(*NAMES, by=self.authority)

    def trust_root(self, made: Made) -> Any:
        """A certificate as an authority that counts."""
        return trustRootFromCertificates([Certificate.loadPEM(made.certificate_pem())])

    def signed(self, host: str) -> Signed:
        """Trust whom our authority has signed."""
        return Signed(host, self.trust_root(self.authority))

    def meet(self, trust: Trust, shows: Made, *chain: Made) -> str:
        """What is wrong between a client and a server; empty if they have shaken
        hands."""
        wire = Wire()
        # A relay of ours would not take a weak key in the first place.
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
        context.use_certificate(shows.certificate)
        context.use_privatekey(shows.key)
        for one in chain:
            context.add_extra_chain_cert(one.certificate)
        server = server_of(ServerConnections(lambda: context))
        client = trust.clientConnectionForTLS(wire)
        client.set_connect_state()
        try:
            shake_hands(server, client)
        except SSL.Error:
            self.assertTrue(wire.problem)
        else:
            self.assertEqual(wire.problem, "")
        return wire.problem


class SignedTests(TrustCase):
    """Who is signed by an authority of ours, and is who we asked for."""

    def test_trusted(self) -> None:
        """By name or address, with or without a chain between."""
        between = make("between", by=self.authority, authority=True)
        below = make(*NAMES, by=between)
        for host in (*NAMES, "RELAY.test"):
            self.assertEqual(self.meet(self.signed(host), self.good), "")
            self.assertEqual(self.meet(self.signed(host), below, between), "")
        own = make("relay.test")
        self.assertEqual(self.meet(Signed("relay.test", self.trust_root(own)), own), "")

    def test_scope(self) -> None:
        """A link-local address is asked for without its scope, which is no part of what
        a certificate is for."""
        made = make("fe80::5", by=self.authority)
        self.assertEqual(self.meet(self.signed("fe80::5%eth0"), made), "")
        self.assertIn("not for", self.meet(self.signed("fe80::6%eth0"), made))

    def test_wildcard(self) -> None:
        """A wildcard stands for one label."""
        wild = make("*.relay.test", by=self.authority)
        self.assertEqual(self.meet(self.signed("a.relay.test"), wild), "")
        for host in ("relay.test", "a.b.relay.test"):
            self.assertIn(f"is not for {host}.", self.meet(self.signed(host), wild))

    def test_refused(self) -> None:
        """Each kind of wrong certificate is refused, and the reason told."""
        stranger = make("stranger", authority=True)
        weak = generate_private_key(65537, 1024)
        weak_authority = make("weak", authority=True, key=weak, by=self.authority)
        root = self.authority
        for what, host, chain, words in (
            ("self-signed", "localhost", [make(*NAMES)], "is self-signed"),
            ("of a stranger", "localhost", [make(*NAMES, by=stranger)],
             "is signed by nobody whom this machine trusts"),
            ("of a stranger, with him", "localhost",
             [make(*NAMES, by=stranger), stranger],
             "is signed by nobody whom this machine trusts"),
            ("wrong name", "chat.test", [self.good], "is not for chat.test"),
            ("wrong address", "192.0.2.1", [self.good], "is not for 192.0.2.1"),
            ("address as a name", "192.0.2.1",
             [make("relay.test", by=root)], "is not for 192.0.2.1"),
            ("no name at all", "localhost", [make(by=root)], "is not for localhost"),
            ("expired", "localhost",
             [make(*NAMES, begins=-2 * DAY, ends=-DAY, by=root)], "has expired"),
            ("not yet valid", "localhost",
             [make(*NAMES, begins=DAY, ends=2 * DAY, by=root)], "is not valid yet"),
            ("wrong purpose", "localhost",
             [make(*NAMES, usage=FOR_CLIENTS, by=root)],
             "is for another purpose than a server"),
            ("weak key", "localhost", [make(*NAMES, key=weak, by=root)],
             "has a weak key (1024 bits; 2048 is the least)"),
            ("weak authority", "localhost",
             [make(*NAMES, by=weak_authority), weak_authority], "has a weak key"),
            ("signed by a server", "localhost",
             [make("localhost", by=self.good), self.good],
             "is signed by one that may not sign others"),
        ):  # fmt: skip
            problem = self.meet(self.signed(host), *chain)
            self.assertIn(f"the certificate {words}", problem, what)

    def test_what_to_do(self) -> None:
        """The ways to trust it are told as well, with its fingerprint."""
        made = make(*NAMES)
        problem = self.meet(Signed("localhost", platformTrust()), made)
        self.assertIn("the certificate is self-signed.", problem)
        self.assertIn("--ca", problem)
        self.assertIn(f"--fingerprint {made.fingerprint}, or relaychat trust", problem)
        stranger = make("stranger", authority=True)
        below = make(*NAMES, by=stranger)
        problem = self.meet(Signed("localhost", platformTrust()), below, stranger)
        self.assertNotIn("--fingerprint", problem)
        self.assertIn("relaychat trust", problem)

    def test_what_helps(self) -> None:
        """Another authority is named where that would help, and none where one was
        named already, or where time or name are what is wrong."""
        stranger, where = make(*NAMES), "tls:relay.test:7601"
        trusted = self.trust_root(self.authority)
        problem = self.meet(Signed("localhost", trusted, where, named=True), stranger)
        self.assertIn("self-signed. It is not by the authority that --ca", problem)
        self.assertNotIn("Name its authority", problem)
        self.assertTrue(problem.endswith(f"or relaychat trust {where}"), problem)
        old = make(*NAMES, begins=-2 * DAY, ends=-DAY, by=self.authority)
        for host, shown in (("localhost", old), ("chat.test", self.good)):
            problem = self.meet(self.signed(host), shown)
            self.assertNotIn("--ca", problem)
            self.assertIn("--fingerprint", problem)

    def test_other_errors(self) -> None:
        """What we have no words for is told by OpenSSL's number."""
        problem = self.signed("localhost").problem(_Shown(), 50, 1)
        self.assertIn("OpenSSL's error 50", problem)


class PinnedTests(TrustCase):
    """Whoever holds one certain certificate."""

    def test_pinned(self) -> None:
        """It is trusted, whoever signed it, whatever its name and time; any other is
        not."""
        made = make(*NAMES, begins=-2 * DAY, ends=-DAY, usage=FOR_CLIENTS)
        pin = made.fingerprint
        for one in (pin, pin.replace(":", "").lower()):
            self.assertEqual(self.meet(Pinned("chat.test", one), made), "")
        problem = self.meet(Pinned("localhost", pin), self.good)
        self.assertIn(f"its fingerprint is {self.good.fingerprint}", problem)

    def test_changed(self) -> None:
        """One that was kept from an earlier visit and has changed is told so, with
        both, and what to do."""
        pin = make().fingerprint
        problem = self.meet(Pinned("localhost", pin, "2026-01-31"), self.good)
        self.assertIn("THE CERTIFICATE HAS CHANGED", problem)
        self.assertIn(f"Trusted since 2026-01-31: {pin}.", problem)
        self.assertIn(f"Shown now: {self.good.fingerprint}.", problem)
        self.assertIn("relaychat trust --forget", problem)

    def test_weak(self) -> None:
        """A weak key is refused though it is pinned: others may have it too."""
        weak = make(*NAMES, key=generate_private_key(65537, 1024))
        problem = self.meet(Pinned("localhost", weak.fingerprint), weak)
        self.assertIn("has a weak key", problem)

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


class FirstUseTests(TrustCase):
    """Who was met first is trusted from then on."""

    def setUp(self) -> None:
        super().setUp()
        self.kept: list[str] = []
        self.why_not = ""

    def keep(self, fingerprint: str) -> str:
        """Remember a pin."""
        self.kept.append(fingerprint)
        return self.why_not

    def first(self, host: str = "localhost") -> FirstUse:
        """The first visit."""
        return FirstUse(host, self.trust_root(self.authority), self.keep)

    def test_unknown(self) -> None:
        """One that nobody vouches for is kept, once; then it has to stay the same."""
        stranger = make("stranger", authority=True)
        for chain in (
            [make(*NAMES)], [make("other.test")], [make(*NAMES, by=stranger)],
            [make(*NAMES, by=stranger), stranger],
        ):  # fmt: skip
            self.kept.clear()
            trust = self.first()
            for _ in range(2):
                self.assertEqual(self.meet(trust, *chain), "")
                self.assertEqual(self.kept, [chain[0].fingerprint])
            problem = self.meet(trust, make(*NAMES))
            self.assertIn("is not the pinned one", problem)

    def test_known(self) -> None:
        """One that an authority vouches for needs no pin, and may be renewed."""
        trust = self.first()
        for one in (self.good, make(*NAMES, by=self.authority)):
            self.assertEqual(self.meet(trust, one), "")
        self.assertEqual(self.kept, [])

    def test_of_somebody_else(self) -> None:
        """One that an authority vouches for, and that is not for us or not now, is
        refused: there is somebody who could do better."""
        for one, words in (
            (make("other.test", by=self.authority), "is not for localhost"),
            (make(*NAMES, by=self.authority, begins=-2 * DAY, ends=-DAY), "expired"),
        ):
            self.assertIn(words, self.meet(self.first(), one))
        self.assertEqual(self.kept, [])

    def test_weak(self) -> None:
        """A weak key is not kept."""
        weak = make(*NAMES, key=generate_private_key(65537, 1024))
        self.assertIn("weak key", self.meet(self.first(), weak))
        self.assertEqual(self.kept, [])

    def test_announced(self) -> None:
        """Where the DNS names fingerprints, an unknown one has to be among them; they
        do nothing for one that is vouched for, or against it."""
        one, other = make(*NAMES), make(*NAMES)
        for announced in (["AB" * 32], ["nonsense"]):
            trust = self.first()
            trust.announced = announced
            self.assertIn("publishes in the DNS", self.meet(trust, one))
            self.assertEqual(self.meet(trust, self.good), "")
        self.assertEqual(self.kept, [])
        trust.announced = ["nonsense", other.fingerprint, one.fingerprint]
        self.assertEqual(self.meet(trust, one), "")
        self.assertEqual(self.kept, [one.fingerprint])

    def test_each_visit_counts(self) -> None:
        """An unknown one that was refused opens no way for somebody else's."""
        trust = self.first()
        weak = make(*NAMES, key=generate_private_key(65537, 1024))
        other = make("other.test", by=self.authority)
        self.assertIn("weak key", self.meet(trust, weak))
        self.assertIn("is not for localhost", self.meet(trust, other))
        self.assertEqual(self.kept, [])

    def test_not_kept(self) -> None:
        """What can't be remembered is not trusted."""
        self.why_not = "can't be remembered: disk full"
        problem = self.meet(self.first(), make(*NAMES))
        self.assertEqual(problem, "the certificate can't be remembered: disk full")


class _Shown:
    """A certificate of an authority."""

    def digest(self, name: str) -> bytes:
        return b":".join([b"AB"] * 32)

    def get_pubkey(self) -> _Shown:
        return self

    def to_cryptography_key(self) -> None:
        """No key that we know."""
