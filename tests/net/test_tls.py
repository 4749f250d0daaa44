"""TLS contexts of the server."""

from __future__ import annotations

import contextlib
from pathlib import Path

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.certificate import development_certificate
from relaychat.net.tls import TLSError, context


def shake_hands(server: SSL.Connection, client: SSL.Connection) -> None:
    """Carry bytes between two ends until both have finished their handshakes."""
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


class ContextTests(SynchronousTestCase):
    """The context of a development certificate."""

    def setUp(self) -> None:
        self.pem = development_certificate(
            Path(self.mktemp(), "development.pem"), "relay.test", 1_790_000_000_000
        )

    def connect(self, client: SSL.Context) -> SSL.Connection:
        """A client that has shaken hands."""
        server_end = SSL.Connection(context(self.pem, self.pem).getContext(), None)
        server_end.set_accept_state()
        client_end = SSL.Connection(client, None)
        client_end.set_connect_state()
        shake_hands(server_end, client_end)
        return client_end

    def test_unknown_alpn(self) -> None:
        """A client that offers protocols by ALPN is let in, without one."""
        client = SSL.Context(SSL.TLS_METHOD)
        client.set_alpn_protos([b"irc", b"h2"])
        self.assertEqual(self.connect(client).get_alpn_proto_negotiated(), b"")

    def test_old_version(self) -> None:
        """TLS 1.1 is refused."""
        client = SSL.Context(SSL.TLS_METHOD)
        client.set_max_proto_version(SSL.TLS1_1_VERSION)
        self.assertRaises(SSL.Error, self.connect, client)

    def test_other_key(self) -> None:
        """A key that is not the certificate's is an error that names both files."""
        other = development_certificate(
            Path(self.mktemp(), "other.pem"), "relay.test", 1_790_000_000_000
        )
        error = self.assertRaises(TLSError, context, self.pem, other)
        self.assertIn(str(other), str(error))
