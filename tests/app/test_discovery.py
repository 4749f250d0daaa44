"""What a relay says of itself, and whether it can be found."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from relaychat.app.config import Config, from_mapping
from relaychat.app.discovery import Discoverable, Presence
from relaychat.net.discovery import News
from relaychat.net.reach import Open
from relaychat.wire.discovery import Room
from tests.app.test_build import MEMORY, BuildCase, Peer

LISTEN = [
    {"dialect": "native", "endpoint": "unix:x.sock"},
    {"dialect": "native", "endpoint": "tcp:0", "tls": "default"},
    {"dialect": "irc", "endpoint": "tcp:1"},
    {"dialect": "examples.shout:Shout", "endpoint": "tcp:2"},
    {"dialect": "control", "endpoint": "tcp:3"},
    {"dialect": "native", "endpoint": "tcp:4", "proxies": ["127.0.0.1"]},
]
HOSTS = [
    UNIXAddress(b"x.sock"),
    IPv4Address("TCP", "0.0.0.0", 7601),
    IPv6Address("TCP", "::", 6667),
    IPv4Address("TCP", "127.0.0.1", 7777),
    IPv4Address("TCP", "127.0.0.1", 7778),
    IPv4Address("TCP", "127.0.0.1", 7779),
]


class PresenceTests(BuildCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = mkdtemp()
        self.addCleanup(rmtree, self.data)

    def config(self, **table: Any) -> Config:
        server = {"data": self.data}
        return from_mapping({**MEMORY, "listen": LISTEN, "server": server, **table})

    def presence(self, **table: Any) -> Presence:
        self.made = self.relay(listen=LISTEN, server={"data": self.data}, **table)
        return Presence(self.config(**table), self.made, HOSTS)

    def test_doors(self) -> None:
        """Those of people, over IP: not the administrators', not behind a proxy, no
        socket of this machine. TLS with what it shows."""
        native, irc, shout = self.presence().doors()
        (tls,) = self.made.tls
        shown = tls.default.fingerprint.replace(":", "").lower()
        self.assertEqual(native, Open("native", "0.0.0.0", 7601, True, shown))
        self.assertEqual(irc, Open("irc", "::", 6667))
        self.assertEqual((shout.dialect, shout.port), ("Shout", 7777))

    def news(self, **table: Any) -> News:
        """What it says, with one room there and one who is in it."""
        presence = self.presence(**table)
        peer = Peer(self.made, self.reactor)
        password = table.get("accounts", {}).get("guest_password")
        peer.ask(type="hello", nick="ann", password=password)
        peer.ask(type="join", room="#tea")
        told: list[News] = []
        presence.news(told.append)
        self.reactor.pump([0.0] * 5)
        (news,) = told
        return news

    def test_news(self) -> None:
        """How full it is, and its public rooms."""
        news = self.news()
        self.assertEqual((news.load.sessions, news.load.capacity), (1, 100))
        self.assertGreater(news.load.free_bytes, 0)
        self.assertEqual((news.rooms, news.more), ((Room("#tea", 1),), 0))

    def test_rooms_of_a_closed_house(self) -> None:
        """Where not anybody can come in, nobody outside learns the rooms."""
        for accounts in ({"guests": False}, {"guest_password": "x"}):
            self.assertEqual(self.news(accounts=accounts).rooms, ())

    def test_no_rooms(self) -> None:
        """Rooms are not named where the configuration says so; nor is the disk where
        there is none."""
        presence = self.presence(discovery={"rooms": False})
        rmtree(self.data)
        self.addCleanup(Path(self.data).mkdir)
        told: list[News] = []
        presence.news(told.append)
        self.assertEqual(told[0].rooms, ())
        self.assertEqual(told[0].load.free_bytes, 0)

    def test_off(self) -> None:
        """A relay that is not to be found listens for nothing."""
        presence = self.presence()
        found = Discoverable(
            self.config(discovery={"enabled": False}), self.made, HOSTS
        )
        found.start(self.reactor)
        self.assertEqual(list(self.reactor.getReaders()), [])
        self.successResultOf(found.stop())
        del presence

    def test_on(self) -> None:
        """With its doors on loopback it is heard there, and announced nowhere."""
        self.presence()
        hosts = [IPv4Address("TCP", "127.0.0.1", 7600)] * len(LISTEN)
        found = Discoverable(self.config(discovery={"port": 17602}), self.made, hosts)
        found.start(self.reactor)
        readers = list(self.reactor.getReaders())
        if not readers:
            self.skipTest("sockets can't be bound to an interface here")
        self.assertEqual(
            {one.socket.getsockname()[0] for one in readers} - {"::"}, {"0.0.0.0"}
        )
        self.successResultOf(found.stop())
        self.assertEqual(list(self.reactor.getReaders()), [])
