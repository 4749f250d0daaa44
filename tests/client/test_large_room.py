"""A room with thousands of members, as it is shown to those who come."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred

from relaychat.model.commands import Hello, Join, Part
from relaychat.model.events import MemberEntry
from relaychat.session.irc.dialect import Irc
from relaychat.session.native import Native
from relaychat.session.session import Session
from relaychat.testing.link import MemoryLink
from tests.client.test_api import ClientTestCase

MEMBERS = 3_000
LINE_BYTES = 64 * 1024
ALL = [f"guest-{number:04}" for number in range(MEMBERS)]


class LargeRoomTests(ClientTestCase):
    def crowd(self) -> None:
        """Three thousand come, and are gone for a moment: so nobody reads."""
        self.relay.window_s = 300
        for nick in ALL:
            self.open(Hello(nick, device=None), Join("#big")).lost("gone")
        self.relay.run()

    def open(self, *words: Hello | Join, irc: bool = False) -> Session:
        self.link = MemoryLink()
        session = Session(self.relay.host(Irc if irc else Native), self.link)
        session.open()
        session.ask(*words)
        self.relay.run()
        return session

    def members(self, room: str) -> list[str]:
        """What the library finds."""
        found: Deferred[list[MemberEntry]] = Deferred.fromCoroutine(
            self.ann.members(room)
        )
        self.place.run()
        return sorted(one.nick for one in self.successResultOf(found))

    def test_large_room(self) -> None:
        """Natively it is shown within a line of 64 KiB and says how many there are, to
        who joins and to who comes back; the library pages through them and keeps step;
        an IRC client is told all names."""
        self.crowd()
        self.ann = self.up("ann", "#big")
        room = self.ann.rooms["#big"]
        self.assertEqual((room.count, room.whole), (MEMBERS + 1, False))
        self.assertEqual(self.members("#big"), ["ann", *ALL])
        self.assertTrue(room.whole)
        session = self.open(Hello("bob", "secret"), Join("#big"))
        lines = self.link.value().splitlines()
        self.assertLessEqual(max(map(len, lines)), LINE_BYTES)
        words = map(json.loads, lines)
        shown = next(word for word in words if word["type"] == "room")
        self.assertEqual(shown["members_total"], MEMBERS + 2)
        self.assertGreater(len(shown["members"]), 1_000)
        session.ask(Part("#big"))
        self.relay.run()
        self.place.run()
        self.assertEqual((room.count, len(self.members("#big"))), (MEMBERS + 1,) * 2)
        self.place.cut()
        self.place.advance(60)
        self.assertEqual((self.ann.connected, room.whole), (True, False))
        self.assertEqual(self.members("#big"), ["ann", *ALL])
        self.open(Hello("irma"), Join("#big"), irc=True)
        names = [
            line.split(" :")[1].lstrip("@").split(" ")
            for line in self.link.value().decode().splitlines()
            if " 353 " in line
        ]
        self.assertEqual(
            sorted(name.lstrip("@") for line in names for name in line),
            ["ann", *ALL, "irma"],
        )
