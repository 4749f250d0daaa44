"""SHOUT, the protocol in one file: what the framework gives it."""

from __future__ import annotations

from examples.shout import Shout, shout
from relaychat.testing.relay import RelayTestCase


class ShoutTests(RelayTestCase):
    """Whole conversations, bytes in, bytes out."""

    dialect = Shout

    def test_say_reaches_the_room_in_capitals(self) -> None:
        """What one member says, every member of the room reads, in capitals."""
        ann, _ = self.connect("ann", "#tea")
        _, bob_wire = self.connect("bob", "#tea")
        ann.dataReceived(b"SAY #tea two lumps, pl")
        ann.dataReceived(b"ease\n")
        self.assertEqual(bob_wire.value(), b"#tea ann: TWO LUMPS, PLEASE\r\n")

    def test_usage_is_the_syntax_row(self) -> None:
        """A wrong argument count is answered with the row of the command table."""
        ann, wire = self.connect("ann", "#tea")
        ann.dataReceived(b"SAY #tea\n")
        self.assertEqual(wire.value(), b"! bad_syntax: usage: SAY <room> <text...>\r\n")

    def test_hello_in_its_own_words(self) -> None:
        """The whole way from hello, in the protocol's words alone."""
        ann, wire = self.open()
        ann.dataReceived(b"IAM ann\r\nJOIN #tea\r\nSAY #tea hello\r\n")
        self.assertEqual(wire.value(), b"#tea ann: HELLO\r\n")

    def test_nothing_goes_before_hello(self) -> None:
        """What needs a name is refused until there is one."""
        ann, wire = self.open()
        ann.dataReceived(b"JOIN #tea\n")
        self.assertEqual(wire.value(), b"! out_of_order: say hello first\r\n")

    def test_help_is_the_table(self) -> None:
        """HELP shows the rows as they are written, also before hello."""
        ann, wire = self.open()
        ann.dataReceived(b"help\n")
        self.assertEqual(
            wire.value(),
            b"HELP [<verb>]  Show what can be said.\r\n"
            b"IAM <nick>\r\nJOIN <room>\r\nSAY <room> <text...>\r\n",
        )

    def test_limits_come_with_the_framework(self) -> None:
        """A line that is too long, one that is not UTF-8, and a word that nobody knows
        are answered, and the connection lives."""
        ann, wire = self.connect("ann", "#tea")
        ann.dataReceived(b"SAY #tea " + b"x" * 256 + b"\nSAY #tea \xff\nWHAT\n")
        ann.dataReceived(b"SAY #tea still here\n")
        self.assertEqual(
            wire.value(),
            b"! too_long: a line has at most 256 bytes\r\n"
            b"! bad_syntax: the line is not UTF-8\r\n"
            b"! unknown_command: no such command: WHAT\r\n"
            b"#tea ann: STILL HERE\r\n",
        )

    def test_is_announced(self) -> None:
        """The plugin carries the protocol's name."""
        self.assertEqual((shout.name, shout.found), ("shout", Shout))
