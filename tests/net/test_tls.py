"""One certificate, and how it is served."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.tls import (
    Clients,
    Pair,
    ServerConnections,
    TLSError,
    limit_groups,
    load,
)
from tests.net.pki import (
    FOR_CLIENTS,
    FOR_SERVERS,
    Made,
    client,
    client_of,
    connections,
    make,
    server_of,
    shake_hands,
)


class ServedCase(SynchronousTestCase):
    """A certificate in a file."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.made = make("relay.test", "*.tea.test", "192.0.2.1")
        self.pem = self.made.put(self.folder / "relay.pem").certificate


class LoadTests(ServedCase):
    """What a file says."""

    def test_what_it_is(self) -> None:
        """Its names, its fingerprint, its time."""
        found = load(Pair(self.pem, self.pem))
        self.assertEqual(found.names, ("relay.test", "*.tea.test"))
        self.assertEqual(found.fingerprint, self.made.fingerprint)
        self.assertEqual(found.until, self.made.certificate.not_valid_after_utc)
        self.assertEqual(found.since, self.made.certificate.not_valid_before_utc)
        self.assertFalse(found.is_authority)

    def test_errors(self) -> None:
        """A missing file, a file that is none, a key of another certificate."""
        other = make("other.test").put(self.folder / "other.pem").certificate
        junk = self.folder / "junk.pem"
        junk.write_text("junk")
        for chain, key, words in (
            (self.folder / "no.pem", self.pem, "No such file"),
            (junk, self.pem, "not a certificate"),
            (self.pem, junk, "not a certificate"),
            (self.pem, other, f"{other} is not the key of {self.pem}"),
        ):
            error = self.assertRaises(TLSError, load, Pair(chain, key))
            self.assertIn(words, str(error))

    def test_half_written(self) -> None:
        """A file that ends anywhere is an error, never something else."""
        whole = self.pem.read_bytes()
        part = self.folder / "part.pem"
        for end in range(0, len(whole) - 1, 37):
            part.write_bytes(whole[:end])
            self.assertRaises(TLSError, load, Pair(part, part))

    def test_weak_key(self) -> None:
        """RSA keys below 2048 bits are refused."""
        weak = make("relay.test", key=generate_private_key(65537, 1024))
        pair = weak.put(self.folder / "weak.pem")
        error = self.assertRaises(TLSError, load, pair)
        self.assertEqual(str(error), f"{pair.certificate}: ee key too small")

    def test_authority(self) -> None:
        """An authority's own certificate is known as one, and may have no name."""
        pair = make(authority=True).put(self.folder / "ca.pem")
        found = load(pair)
        self.assertTrue(found.is_authority)
        self.assertEqual(found.names, ())


class ProfileTests(ServedCase):
    """Mozilla's intermediate profile."""

    def connect(self, context: SSL.Context) -> SSL.Connection:
        """A client that has shaken hands."""
        end = client_of(context)
        shake_hands(server_of(connections(self.pem)), end)
        return end

    def test_old_version(self) -> None:
        """TLS 1.1 is refused; 1.2 and 1.3 are not."""
        for version, name in (
            (SSL.TLS1_2_VERSION, "TLSv1.2"),
            (SSL.TLS1_3_VERSION, "TLSv1.3"),
        ):
            context = SSL.Context(SSL.TLS_METHOD)
            context.set_max_proto_version(version)
            self.assertEqual(self.connect(context).get_protocol_version_name(), name)
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_max_proto_version(SSL.TLS1_1_VERSION)
        self.assertRaises(SSL.Error, self.connect, context)

    def test_old_suite(self) -> None:
        """Suites without forward secrecy or authenticated encryption are refused."""
        for suite in (b"AES128-GCM-SHA256", b"ECDHE-ECDSA-AES128-SHA256"):
            context = SSL.Context(SSL.TLS_METHOD)
            context.set_max_proto_version(SSL.TLS1_2_VERSION)
            context.set_cipher_list(suite)
            self.assertRaises(SSL.Error, self.connect, context)

    def test_groups(self) -> None:
        """The one that lasts is preferred; those outside of the profile are refused."""
        found = self.connect(SSL.Context(SSL.TLS_METHOD)).get_group_name()
        self.assertEqual(str(found).upper(), "X25519MLKEM768")
        for group, taken in (("P-256", True), ("P-384", True), ("P-521", False)):
            context = SSL.Context(SSL.TLS_METHOD)
            limit_groups(context, group)
            if taken:
                self.connect(context)
            else:
                self.assertRaises(SSL.Error, self.connect, context)

    def test_groups_unknown(self) -> None:
        """Where a list of groups can't be given, P-256 alone is left."""
        context = SSL.Context(SSL.TLS_METHOD)
        limit_groups(context, "nonsense")
        found = self.connect(context).get_group_name()
        self.assertEqual(found, "secp256r1")

    def test_renegotiation(self) -> None:
        """A client can't have the keys exchanged again."""
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        server, end = server_of(connections(self.pem)), client_of(context)
        shake_hands(server, end)
        self.assertTrue(end.renegotiate())
        self.assertRaises(SSL.WantReadError, end.do_handshake)
        server.bio_write(end.bio_read(1 << 16))
        self.assertRaises(SSL.WantReadError, server.recv, 100)
        end.bio_write(server.bio_read(1 << 16))
        error = self.assertRaises(SSL.Error, end.do_handshake)
        self.assertIn("no renegotiation", str(error))
        self.assertEqual(server.total_renegotiations(), 0)


class AlpnTests(ServedCase):
    """Which protocol a connection is for (RFC 7301)."""

    def negotiated(self, ours: tuple[str, ...], *offered: bytes) -> bytes:
        """What both agree on."""
        context = load(Pair(self.pem, self.pem)).context
        end = client()
        if offered:
            end.set_alpn_protos(list(offered))
        shake_hands(server_of(ServerConnections(lambda: context, ours)), end)
        return end.get_alpn_proto_negotiated()

    def test_ours(self) -> None:
        """A door's protocol is agreed on, wherever it stands in the offer."""
        self.assertEqual(self.negotiated(("irc",), b"h2", b"irc"), b"irc")

    def test_none_offered(self) -> None:
        """Who offers nothing comes in."""
        self.assertEqual(self.negotiated(("irc",)), b"")

    def test_others(self) -> None:
        """Who offers only others is refused: a browser at an IRC door."""
        context = load(Pair(self.pem, self.pem)).context
        server = server_of(ServerConnections(lambda: context, ("irc",)))
        end = client()
        end.set_alpn_protos([b"h2", b"http/1.1"])
        error = self.assertRaises(SSL.Error, shake_hands, server, end)
        self.assertIn("no protocol in common", str(error))
        end.bio_write(server.bio_read(1 << 16))
        error = self.assertRaises(SSL.Error, end.do_handshake)
        self.assertIn("no application protocol", str(error))

    def test_no_names(self) -> None:
        """A door without a name there does not care."""
        self.assertEqual(self.negotiated((), b"h2"), b"")


class ClientTests(ServedCase):
    """Certificates of clients."""

    def setUp(self) -> None:
        super().setUp()
        self.authority = make("people", authority=True)
        self.ca = self.folder / "people.pem"
        self.ca.write_bytes(self.authority.certificate_pem())

    def seen(self, clients: Clients, shows: Made | None) -> str:
        """The fingerprint that the server sees, empty for none."""
        server = server_of(connections(self.pem, clients))
        end = client(shows=shows)
        shake_hands(server, end)
        found = server.get_peer_certificate()
        return "" if found is None else found.digest("sha256").decode()

    def test_not_asked(self) -> None:
        """Who is not asked shows none."""
        self.assertEqual(self.seen(Clients(), make("ann")), "")

    def test_any(self) -> None:
        """Asked for any, a self-signed one is seen, and none is needed."""
        ann = make("ann", usage=FOR_CLIENTS)
        self.assertEqual(self.seen(Clients(asked=True), ann), ann.fingerprint)
        self.assertEqual(self.seen(Clients(asked=True), None), "")

    def test_signed(self) -> None:
        """Asked for one of an authority, that is seen, and none is needed."""
        ann = make("ann", by=self.authority, usage=FOR_CLIENTS)
        clients = Clients(authority=self.ca)
        self.assertEqual(self.seen(clients, ann), ann.fingerprint)
        self.assertEqual(self.seen(clients, None), "")

    def test_not_signed(self) -> None:
        """One of nobody, of another authority, or of the wrong kind, is refused."""
        stranger = make("stranger", authority=True)
        clients = Clients(authority=self.ca)
        for one in (
            make("eve", usage=FOR_CLIENTS),
            make("eve", by=stranger, usage=FOR_CLIENTS),
            make("eve", by=self.authority, usage=FOR_SERVERS),
        ):
            self.assertRaises(SSL.Error, self.seen, clients, one)

    def test_no_authority(self) -> None:
        """A file without an authority is an error that names it."""
        for path in (self.folder / "no.pem", self.folder / "junk.pem"):
            if "junk" in path.name:
                path.write_text("junk")
            error = self.assertRaises(
                TLSError, load, Pair(self.pem, self.pem), Clients(authority=path)
            )
            self.assertIn(str(path), str(error))
