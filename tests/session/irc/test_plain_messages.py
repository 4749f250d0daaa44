"""The short cut for chunks of plain messages comes to what the long way does."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from relaychat.model.commands import Say
from relaychat.session.irc.dialect import BODY_BYTES
from tests.session.irc.conversation import TwoInARoom

LINE = st.sampled_from(
    [
        b"PRIVMSG #tea :two lumps",
        b"PRIVMSG #tea :",
        b"PRIVMSG #tea : :x ",
        b"PRIVMSG #tea ::)",
        b"PRIVMSG #tea,bob :both",
        b"PRIVMSG bob :psst",
        b"PRIVMSG bob :\1ACTION waves\1",
        b"PRIVMSG bob :\1PING\1",
        "PRIVMSG bob :gr\u00fc\u00dfe".encode(),
        b"PRIVMSG bob :\xff",
        b"PRIVMSG bob :c\rd",
        b"PRIVMSG bob :c\0d",
        b"PRIVMSG #tea :\1",
        b"PRIVMSG #tea :x\1",
        b"PRIVMSG @ann,bob :by its name",
        b"PRIVMSG @bob :at",
        b"PRIVMSG :bob :colon",
        b"PRIVMSG b:ob :colon",
        b"PRIVMSG #nowhere :x",
        b"@id=1 PRIVMSG #tea :tagged",
        b":ann PRIVMSG #tea :from",
        b" PRIVMSG #tea :space",
        "\ufeffPRIVMSG #tea :mark".encode(),
        "PRIVMSG #tea :one\u2028two\x85three\x0bfour\x1cfive".encode(),
        b"PRIVMSG #te",
        b"a :cut in the middle",
        b"PRIVMSG  bob :two spaces",
        b"privmsg bob :small",
        b"PRIVMSG bob word",
        b"PRIVMSG",
        b"",
        b"PING x",
        b"PRIVMSG #tea :" + b"x" * (BODY_BYTES - 14),
        b"PRIVMSG #tea :" + b"x" * (BODY_BYTES - 13),
        b"PRIVMSG #tea :" + "\u00e4".encode() * 248,
        b"PRIVMSG #tea :" + "\u00e4".encode() * 249,
    ]
)
END = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"", b"\r"])


class PlainMessagesTests(TwoInARoom):
    """Whatever comes, in whatever chunks."""

    @given(st.lists(st.lists(st.tuples(LINE, END), max_size=5), max_size=4))
    def test_as_the_long_way(self, chunks: Any) -> None:
        """Both sessions are told the same, but for the time of it."""
        data = [b"".join(line + end for line, end in chunk) for chunk in chunks]
        told = []
        for short in (True, False):
            self.setUp()
            if not short:
                vars(self.ann.session.speech)["plain_messages"] = lambda _: None
            for chunk in (*data, b"\r\nPING end\r\n"):
                if chunk:
                    self.ann.dataReceived(chunk)
            told.append((self.told(self.ann_wire), self.told(self.bob_wire)))
        self.assertEqual(*told)

    def test_more_than_may_be_in_flight(self) -> None:
        """A chunk of more messages than the hub takes at a time is taken in parts, in
        order, and not read past."""
        self.relay.store.hold()
        texts = [f"{n}" for n in range(600)]
        lines = [f"PRIVMSG #tea :{text}\r\n".encode() for text in texts]
        self.ann.dataReceived(b"".join(lines))
        self.assertTrue(self.ann_wire.paused)
        self.relay.store.release()
        self.relay.run()
        self.assertFalse(self.ann_wire.paused)
        heard = [line.rpartition(":")[2] for line in self.told(self.bob_wire)]
        self.assertEqual(heard[-600:], texts)

    def test_taken(self) -> None:
        """Messages to one or several targets go the short way."""
        take = self.ann.session.speech.plain_messages
        chunk = b"PRIVMSG #tea :a\r\nPRIVMSG bob :b\r\nPRIVMSG bob :c\r\n"
        expected = [Say("#tea", "a"), Say("@bob", "b"), Say("@bob", "c")]
        self.assertEqual(take(chunk), expected)
        self.assertIsNone(take(chunk + b"PRIVMSG bob :d"))
        self.assertIsNone(take(chunk + b"PING x\r\n"))
