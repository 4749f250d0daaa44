"""Rooms as maildrops."""

from __future__ import annotations

from email import message_from_bytes, policy

from examples.pop3 import Maildrop, Pop3
from relaychat.model.commands import Say
from relaychat.session.native import Native
from relaychat.testing.conformance import check_dialect
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import RelayTestCase, with_settings

LOGIN = b"USER ann#tea\r\nPASS\r\n"


class Pop3Tests(RelayTestCase):
    """Whole connections of mail programs."""

    dialect = Pop3

    def setUp(self) -> None:
        """Somebody in a room."""
        super().setUp()
        self.bob, _ = self.connect("bob", "#tea", dialect=Native)

    def ask(self, said: bytes, dialect: type[Pop3] = Pop3) -> MemoryLink:
        """A connection that said all this at once."""
        peer, wire = self.open(dialect)
        wire.clear()
        peer.dataReceived(said)
        return wire

    def test_mail(self) -> None:
        """A message comes whole, whatever is in it, and is dated and named."""
        text = 'Ein "Tee" für\n.\n\n..dots\x07'
        self.bob.say(Say("#tea", text))
        wire = self.ask(LOGIN + b"RETR 1\r\nQUIT\r\n")
        login, _, rest = wire.value().partition(b"+OK 1 messages\r\n+OK\r\n")
        self.assertEqual(login, b"+OK\r\n")
        self.assertTrue(rest.endswith(b"\r\n.\r\n+OK\r\n"))
        stuffed = rest.removesuffix(b".\r\n+OK\r\n").split(b"\r\n")
        lines = [line[1:] if line.startswith(b".") else line for line in stuffed]
        mail = message_from_bytes(b"\r\n".join(lines), policy=policy.default)
        self.assertEqual(mail["from"], "bob <relay@relay.test>")
        self.assertEqual(mail["subject"], 'Ein "Tee" für')
        self.assertEqual(mail["date"].datetime.timestamp(), 1_600_000_000)
        self.assertEqual(mail.get_content(), text.replace("\n", "\r\n") + "\r\n")
        self.assertTrue(wire.closed)

    def test_all_pages(self) -> None:
        """What takes several pages of the log is there before the next line is read,
        the latest first to be kept."""
        for number in range(250):
            self.bob.say(Say("#tea", f"text {number}"))
        told = self.ask(LOGIN + b"TOP 1 0\r\nUIDL 250\r\n").value()
        self.assertTrue(told.startswith(b"+OK\r\n+OK 250 messages\r\n"), told)
        self.assertIn(b"Subject: =?utf-8?q?text_0?=", told)
        self.assertTrue(told.endswith(b".251\r\n"), told)
        few = with_settings(Pop3, Maildrop(mails=3))
        told = self.ask(LOGIN.replace(b"ann", b"cat") + b"RETR 1\r\n", few).value()
        self.assertIn(b"+OK 3 messages\r\n", told)
        self.assertIn(b"text 247\r\n", told)

    def test_account(self) -> None:
        """Passwords are an account's; after a wrong one there is another try."""
        self.relay.account("eve")
        said = b"USER eve#tea\r\nPASS no\r\nPASS pw\r\n"
        self.assertEqual(
            self.ask(said).value(),
            b"+OK\r\n-ERR wrong name or password\r\n+OK 0 messages\r\n",
        )

    def test_no_such_room(self) -> None:
        """To look for a room does not make it."""
        wire = self.ask(b"USER ann#no\r\nPASS\r\nSTAT\r\n")
        self.assertEqual(wire.value(), b"+OK\r\n-ERR there is no such room\r\n")
        self.assertTrue(wire.closed)
        self.assertEqual(set(self.relay.hub.state.rooms), {"#tea"})

    def test_wrong(self) -> None:
        """What can't be is refused, and the rest goes on."""
        said = b"STAT\r\nPASS\r\nUSER ann\r\n" + LOGIN
        said += b"RETR 1\r\nRETR x\r\nTOP 1 x\r\nLIST 0\r\nDELE 1\r\nNOOP\r\nCAPA\r\n"
        self.assertEqual(
            self.ask(said).value().decode().splitlines(),
            [
                "-ERR say hello first",
                "-ERR USER comes first",
                "-ERR a nick and a room, like ann#tea",
                "+OK",
                "+OK 0 messages",
                "-ERR there is no such message",
                "-ERR there is no such message",
                "-ERR how many lines?",
                "-ERR there is no such message",
                "-ERR no such command: DELE",
                "+OK",
                *["+OK", "USER", "UIDL", "TOP", "PIPELINING", "."],
            ],
        )

    def test_conforms(self) -> None:
        """It does what every dialect does."""
        check_dialect(Pop3)
