"""Conversations as texts: what they say happens, and what they don't say must not."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from examples.shout import Shout
from relaychat.extend import Dialect, commands, events, render
from relaychat.testing.conversation import Conversation, ScriptError
from relaychat.testing.relay import Relay, RelayTestCase

TEA = """
# Ann makes the room.
ann> IAM ann
ann> JOIN #tea
bob> IAM bob
bob> JOIN #tea

ann> SAY #tea hi
bob< #tea ann: HI
ann< #tea ann: HI
"""


class Blunt(Dialect):
    """Frames of bytes: each that comes is a hello or a message in one room."""

    name = "blunt"
    text = False

    def decode(self, frame: bytes) -> list[commands.Command]:
        """See Dialect."""
        if not self.session.ready:
            return [commands.Hello(frame.decode()), commands.Join("#tea")]
        return [commands.Say("#tea", frame.decode())]

    @render(events.Said)
    def said(self, event: events.Said) -> bytes:
        """A length and a text."""
        return bytes([len(event.text)]) + event.text.encode()


class ConversationTests(RelayTestCase):
    """What a script can say."""

    dialect = Shout

    def test_tea(self) -> None:
        """Two people, and what they are told, in lines."""
        self.converse(TEA)

    def test_other_dialects(self) -> None:
        """People of several dialects, with texts that are not all known before."""
        self.converse(
            """
            bob: speaks irc
            bob> NICK bob
            bob> USER b 0 * :Bob
            bob< :relay.test 001 bob :Welcome ...
            bob< ...
            bob> JOIN #tea
            bob< :bob!... JOIN #tea
            bob< ...
            bob< :... 366 bob #tea :End of /NAMES list
            ann> IAM ann
            ann> JOIN #tea
            bob< :ann!~guest@... JOIN #tea
            ann> SAY #tea hi
            bob< :ann!~guest@... PRIVMSG #tea :HI
            ann< #tea ann: HI
            """
        )

    def test_native(self) -> None:
        """What is told natively is read line by line as well."""
        self.converse(
            """
            bob: speaks native
            bob> {"type":"hello","nick":"bob"}
            bob< {"type":"welcome",...}
            bob> {"type":"join","room":"#tea"}
            bob< ...
            ann> IAM ann
            ann> JOIN #tea
            bob< {"type":"joined","room":"#tea",..."sender":"ann"}
            ann> SAY #tea hi
            bob< {"type":"said",..."text":"HI"}
            ann< #tea ann: HI
            """
        )

    def test_slow_and_gone(self) -> None:
        """Somebody stops reading, and reads on; somebody leaves."""
        self.converse(
            TEA
            + """
            bob: stops reading
            ann> SAY #tea there
            ann< #tea ann: THERE
            bob: reads on
            bob< #tea ann: THERE
            bob: hangs up
            -- 20 s
            ann> SAY #tea bob?
            ann< #tea ann: BOB?
            """
        )

    def test_hung_up_on(self) -> None:
        """Who says nothing for too long is hung up on."""
        self.converse(
            """
            ann> HELP IAM
            ann< IAM <nick>
            -- 11 s
            ann: is hung up on
            """
        )

    def test_bytes(self) -> None:
        """Where there are no lines, bytes are written as Python writes them."""
        relay = Relay()
        script = (
            "ann> ann\\n\nann> hi\\n\nann< \\x02hi\nann> \\xe2\\x98\\x95\\n\nann< ...\n"
        )
        Conversation(relay, Blunt).run(script)
        self.assertEqual(relay.bugs, [])


class WrongTests(SynchronousTestCase):
    """What is not as the script says is told with its line."""

    def wrong(self, script: str) -> str:
        """What is wrong with it."""
        with self.assertRaises(ScriptError) as caught:
            Conversation(Relay(), Shout).run(script)
        return str(caught.exception)

    def test_other_words(self) -> None:
        """What they were told instead."""
        self.assertEqual(
            self.wrong(TEA.replace("bob< #tea ann: HI", "bob< #tea ann: hi")),
            "line 9: bob< #tea ann: hi: bob was told b'#tea ann: HI\\r\\n'",
        )

    def test_too_much(self) -> None:
        """Nothing that anybody is told goes unnoticed."""
        self.assertEqual(
            self.wrong(TEA.replace("bob< #tea ann: HI\n", "")),
            "line 9: the end: before it bob was told: #tea ann: HI",
        )
        self.assertIn("before it ann was told: ! out_of", self.wrong("ann> JOIN #a"))

    def test_nothing(self) -> None:
        """Who should have been told something, and was not."""
        self.assertIn("ann was told b''", self.wrong("ann< hello"))

    def test_no_script(self) -> None:
        """Lines that say nothing."""
        for line in ("tea", "ann: sings", "ann: speaks latin", "-- soon"):
            self.assertIn(f"line 1: {line}: ", self.wrong(line))
        self.assertIn("is not", self.wrong("ann: is hung up on"))
