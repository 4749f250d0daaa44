"""Conversations of IRC clients, for the tests of the dialect."""

from __future__ import annotations

from relaychat.session.irc.dialect import Irc
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import RelayTestCase, Speaker

BURST = ["001", "002", "003", "004", "005", "422"]
ANN = ":ann!~guest@relaychat"
BOB = ":bob!~guest@relaychat"


class IrcTestCase(RelayTestCase):
    """Conversations of IRC clients."""

    dialect = Irc

    def told(self, wire: MemoryLink) -> list[str]:
        """The lines since the last look."""
        whole = wire.value().decode()
        wire.clear()
        self.assertTrue(not whole or whole.endswith("\r\n"))
        return whole.split("\r\n")[:-1]

    def ask(self, speaker: Speaker, wire: MemoryLink, *lines: str) -> list[str]:
        """What somebody is told in answer to these lines."""
        wire.clear()
        for line in lines:
            speaker.dataReceived(f"{line}\r\n".encode())
        return self.told(wire)

    def numbers(self, speaker: Speaker, wire: MemoryLink, *lines: str) -> list[str]:
        """The same, but the second word of each line alone."""
        return [line.split(" ")[1] for line in self.ask(speaker, wire, *lines)]


class TwoInARoom(IrcTestCase):
    """Ann, who made the room, and Bob are in it."""

    def setUp(self) -> None:
        """Let them in."""
        super().setUp()
        self.ann, self.ann_wire = self.connect("ann", "#tea")
        self.bob, self.bob_wire = self.connect("bob", "#tea")
        self.ann_wire.clear()
