"""What people call a server."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.address import Address, BadAddress, address

PIN = "ab" * 32


class AddressTests(SynchronousTestCase):
    def test_host(self) -> None:
        """A host is spoken to by TLS; without a port it is a domain."""
        for text, server in (
            ("example.org", "tls:example.org"),
            ("[::1]", "tls:[::1]"),
            ("chat.example.org:7700", "tls:chat.example.org:7700"),
            ("[::1]:7700", "tls:[::1]:7700"),
        ):
            self.assertEqual(address(text), Address(server))

    def test_endpoint(self) -> None:
        """An endpoint string is taken as it is, and a path is a socket."""
        for text in ("tcp:127.0.0.1:7600", "unix:/run/x.sock", "tls:a:1"):
            self.assertEqual(address(text), Address(text))
        self.assertEqual(address("/run/x.sock"), Address("unix:/run/x.sock"))

    def test_link(self) -> None:
        """A link says who, where, which room, and which certificate."""
        self.assertEqual(address("relaychat://a.b"), Address("tls:a.b"))
        self.assertEqual(
            address("relaychat://a.b/#tea"), Address("tls:a.b", room="#tea")
        )
        self.assertEqual(
            address(f"relaychat://ann@a.b:77/tea%20room?pin={PIN}"),
            Address("tls:a.b:77", "ann", "#tea room", PIN),
        )
        self.assertEqual(address("relaychat://a.b/@bob").room, "@bob")

    def test_wrong(self) -> None:
        """What is none is refused, before anything is dialled."""
        for text in (
            "http://a.b",
            "relaychat://",
            "relaychat://a:b",
            "relaychat://a.b?pin=12",
            "relaychat://a.b?other=1",
            "a.b:99999",
        ):
            self.assertRaises(BadAddress, address, text)
