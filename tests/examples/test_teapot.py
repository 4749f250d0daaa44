"""TEAPOT: a setting, a timer, an event of its own kind."""

from __future__ import annotations

from examples.teapot import Pot, Teapot
from relaychat.testing.conformance import check_dialect
from relaychat.testing.relay import RelayTestCase, with_settings


class TeapotTests(RelayTestCase):
    """Tea for a room."""

    dialect = with_settings(Teapot, Pot(seconds=5))

    def test_tea(self) -> None:
        """It is seen, and after its time heard; other wires read the same log."""
        self.converse(
            """
            ann> IAM ann
            ann> JOIN #tea
            cat: speaks irc
            cat> NICK cat
            cat> USER c 0 * :Cat
            cat< ...
            cat> JOIN #tea
            cat< ...
            ann> STEEP #tea
            ann< #tea ann makes tea: 5 s
            -- 5 s
            ann< #tea ann: the tea is ready
            cat< :ann!... PRIVMSG #tea :the tea is ready
            """
        )

    def test_gone(self) -> None:
        """Who leaves takes the pot along."""
        ann, _ = self.connect("ann", "#tea")
        _, bob_wire = self.connect("bob", "#tea")
        ann.dataReceived(b"STEEP #tea\n")
        ann.connectionLost()
        self.world.advance(5)
        self.assertEqual(bob_wire.value(), b"#tea ann makes tea: 5 s\r\n")

    def test_conforms(self) -> None:
        """It does what every dialect does."""
        check_dialect(Teapot)
