"""Where a server is, and whom TLS trusts there."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import platformTrust
from twisted.internet.testing import MemoryReactorClock
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.dial import NAME_SERVER, Trusting, endpoint, keep_pin, secured
from relaychat.client.pins import Pins
from relaychat.client.trust import FirstUse, Pinned, Signed
from relaychat.net.dial import BadServer, NoWay, place_of
from relaychat.net.tls import Clients
from tests.net.pki import FOR_CLIENTS, connections, make, server_of, shake_hands
from tests.net.test_names import NamesCase


class EndpointTests(SynchronousTestCase):
    def dial(self, server: str, **trust: Any) -> Any:
        return endpoint(MemoryReactorClock(), server, Trusting(**trust))

    def test_strings(self) -> None:
        """TCP and UNIX sockets are Twisted's own strings."""
        self.assertIsInstance(self.dial("unix:/run/x.sock"), UNIXClientEndpoint)
        self.assertIsNotNone(self.dial("tcp:127.0.0.1:7600"))

    def test_tls(self) -> None:
        """TLS goes to a host and port, or to a domain; an IPv6 address may be in
        brackets."""
        for good in ("tls:chat.example:7601", "tls:[::1]:7601", "tls:chat.example"):
            self.assertIsNotNone(self.dial(good))
            self.assertIsNotNone(self.dial(good, fingerprint="ab" * 32))
        for bad in ("tls:", "tls:chat.example:ircs", "tls::7601"):
            self.assertRaises(BadServer, self.dial, bad)

    def test_wrong_strings(self) -> None:
        """What no endpoint understands is an error of ours."""
        for bad in ("", "nonsense", "tcp:", "tcp:h", "tcp:h:x", "what:x:1"):
            error = self.assertRaises(BadServer, self.dial, bad)
            self.assertIn("tcp:HOST:PORT", str(error))

    def test_bad_fingerprint(self) -> None:
        """So is a fingerprint that is none, and a host that no name can be."""
        self.assertRaises(BadServer, self.dial, "tls:h:1", fingerprint="AA")
        self.assertRaises(BadServer, self.dial, f"tls:{'a' * 64}.example:1")

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

    def test_name_server(self) -> None:
        """Whom to ask for SRV records can be said in the environment."""
        self.patch(os, "environ", {NAME_SERVER: "nobody"})
        self.assertRaises(BadServer, self.dial, "tls:chat.example")
        self.assertIsNotNone(self.dial("tls:chat.example:7601"))


class AnnouncedTests(NamesCase):
    """A domain at its first visit."""

    async def test_fingerprints(self) -> None:
        """What it publishes is looked at before each attempt; if that can't be had, it
        has published nothing."""
        self.patch(os, "environ", {NAME_SERVER: f"127.0.0.1:{self.server.port}"})
        with socket.create_server(("127.0.0.1", 0)) as taken:
            closed = taken.getsockname()[1]
        service = "_relaychat._tcp.tea.test"
        self.server.put(service, dns.Record_SRV(0, 0, closed, "localhost"))
        trust = FirstUse("tea.test", platformTrust(), lambda shown: "")
        where = secured(self.reactor, place_of("tls:tea.test"), trust)
        for record, announced in (
            ([dns.Record_TXT(b"fingerprint=AB")], ["AB"]),
            (dns.ESERVER, []),
        ):
            self.server.answers[service, dns.TXT] = record
            attempt = where.connect(Factory.forProtocol(Protocol))
            await self.assertFailure(attempt, NoWay)
            self.assertEqual(trust.announced, announced)


class TrustingTests(SynchronousTestCase):
    """Whom to trust, by what was said."""

    def setUp(self) -> None:
        self.pins = Pins(Path(self.mktemp()))
        self.place = place_of("tls:chat.test:7601")

    def test_shown(self) -> None:
        """Our own certificate is shown to a server that asks, whomever we trust."""
        ann, server = make("ann", usage=FOR_CLIENTS), make("chat.test")
        shows = ann.put(Path(self.mktemp())).certificate
        ca = server.put(Path(self.mktemp())).certificate
        asking = connections(ca, Clients(asked=True))
        for trusting in (
            Trusting(shows=shows, ca=ca),
            Trusting(shows=shows, fingerprint=server.fingerprint),
            Trusting(shows=shows, pins=self.pins, new=True),
            Trusting(shows=shows, pins=self.pins),
        ):
            end = server_of(asking)
            client = trusting.at(self.place).clientConnectionForTLS(None)
            client.set_connect_state()
            shake_hands(end, client)
            found: Any = end.get_peer_certificate(as_cryptography=True)
            self.assertEqual(found, ann.certificate)

    def test_nothing_to_show(self) -> None:
        """A file without a certificate and its key is an error that names it."""
        junk = Path(self.mktemp())
        junk.write_text("junk")
        half = Path(self.mktemp())
        half.write_bytes(make("ann").certificate_pem() + make("bob").key_pem())
        for path in (junk, half, Path("none.pem")):
            error = self.assertRaises(BadServer, Trusting(shows=path).at, self.place)
            self.assertIn(str(path), str(error))

    def test_first_use(self) -> None:
        """Who is met first is kept; where that can't be, is not trusted."""
        server = make("chat.test")
        met = connections(server.put(Path(self.mktemp())).certificate)
        trust = Trusting(pins=self.pins, new=True).at(self.place)
        client = trust.clientConnectionForTLS(None)
        client.set_connect_state()
        shake_hands(server_of(met), client)
        pin = self.pins.get("chat.test:7601")
        assert pin is not None
        self.assertEqual(pin.fingerprint, server.fingerprint)
        folder = Path(self.mktemp())
        folder.write_text("in the way")
        text = keep_pin(Pins(folder), self.place, server.fingerprint)
        self.assertIn("can't be remembered", text)

    def test_order(self) -> None:
        """What is given now, what was kept, the system's, or anybody the first time."""
        pins = self.pins
        for trusting, kind in (
            (Trusting(), Signed), (Trusting(pins=pins), Signed),
            (Trusting(pins=pins, new=True), FirstUse),
            (Trusting(fingerprint="ab" * 32, pins=pins), Pinned),
        ):  # fmt: skip
            self.assertIs(type(trusting.at(self.place)), kind)
        pins.put("chat.test:7601", "ab" * 32)
        for trusting in (Trusting(pins=pins), Trusting(pins=pins, new=True)):
            self.assertIs(type(trusting.at(self.place)), Pinned)
        self.assertIs(type(Trusting(pins=pins).at(place_of("tls:h:1"))), Signed)
