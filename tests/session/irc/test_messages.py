"""Messages by IRC: bytes in, bytes out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relaychat.model.commands import (
    SetPolicy,
)
from relaychat.model.events import Fault
from relaychat.model.policy import PolicyChange
from tests.session.irc.conversation import ANN, TwoInARoom

_WORDS = (
    "NICK USER PASS CAP PING PONG JOIN PART PRIVMSG NOTICE TOPIC NAMES MODE WHO HELP"
)
_PARAMETER = st.one_of(
    st.binary(max_size=9),
    st.sampled_from(b"#tea #TEA fuzz bob , : * 0 +k b :x LS REQ \1ACTION".split(b" ")),
)
LINE = st.builds(
    lambda word, parameters: b" ".join([word, *parameters]),
    st.one_of(st.sampled_from(_WORDS.encode().split(b" ")), st.binary(max_size=9)),
    st.lists(_PARAMETER, max_size=5),
)


class MessageTests(TwoInARoom):
    """What is said, and how it arrives."""

    def heard(self, *lines: str) -> list[str]:
        """What Bob is told when Ann says this; Ann herself is told nothing."""
        self.assertEqual(self.ask(self.ann, self.ann_wire, *lines), [])
        return self.told(self.bob_wire)

    def test_room(self) -> None:
        """A message reaches everybody but its sender, with the room's own spelling."""
        for line in (
            "PRIVMSG #tea :two lumps",
            "privmsg #TEA :two lumps",
            ":forged!a@b PRIVMSG #tea :two lumps",
            "@a=b;c PRIVMSG  #tea  :two lumps",
        ):
            self.assertEqual(self.heard(line), [f"{ANN} PRIVMSG #tea :two lumps"])
        self.assertEqual(self.heard("PRIVMSG #tea two"), [f"{ANN} PRIVMSG #tea :two"])
        self.assertEqual(self.heard("PRIVMSG #tea ::)"), [f"{ANN} PRIVMSG #tea ::)"])

    def test_person(self) -> None:
        """A message to a nick reaches that one alone, addressed to them."""
        _, cid_wire = self.connect("cid", "#tea")
        self.bob_wire.clear()
        self.assertEqual(self.heard("PRIVMSG BOB :psst"), [f"{ANN} PRIVMSG bob :psst"])
        self.assertEqual(self.heard("NOTICE bob :psst"), [f"{ANN} NOTICE bob :psst"])
        self.assertEqual(self.told(cid_wire), [])

    def test_oneself(self) -> None:
        """A message to oneself comes back, also without an echo: it is a delivery."""
        self.assertEqual(
            self.ask(self.ann, self.ann_wire, "PRIVMSG ann :note"),
            [f"{ANN} PRIVMSG ann :note"],
        )

    def test_kinds(self) -> None:
        """NOTICE and CTCP pass as they are, ACTION among them."""
        for line in (
            "NOTICE #tea :tea is ready",
            "PRIVMSG #tea :\1ACTION pours\1",
            "PRIVMSG bob :\1VERSION\1",
            "PRIVMSG #tea :\1PING 1 2\1",
        ):
            self.assertEqual(self.heard(line), [f"{ANN} {line}"])

    def test_several_targets(self) -> None:
        """Several targets are several messages, up to the announced number."""
        self.assertEqual(
            self.heard("PRIVMSG #tea,bob :hi"),
            [f"{ANN} PRIVMSG #tea :hi", f"{ANN} PRIVMSG bob :hi"],
        )
        self.assertEqual(
            self.numbers(self.ann, self.ann_wire, "PRIVMSG a,b,c,d,e :x"), ["407"]
        )

    def test_mistakes(self) -> None:
        """Each mistake has its number and names who or what it was about."""
        self.connect("dora", "#quiet")[0].say(
            SetPolicy("#quiet", PolicyChange(members_only=True))
        )
        self.assertEqual(
            self.ask(
                self.ann, self.ann_wire, "PRIVMSG", "PRIVMSG #tea", "PRIVMSG #tea :",
                "PRIVMSG nobody :x", "PRIVMSG #no :x", "PRIVMSG #quiet :x",
                "PRIVMSG :#tea x", "PRIVMSG @bob :x", "PRIVMSG , :x", "PRIVMSG  :x",
            ),
            [
                ":relay.test 411 ann :No recipient given (PRIVMSG)",
                ":relay.test 412 ann :No text to send",
                ":relay.test 412 ann :No text to send",
                ":relay.test 401 ann nobody :No such nick/channel",
                ":relay.test 403 ann #no :No such channel",
                ":relay.test 404 ann #quiet :Cannot send to channel",
                ":relay.test 412 ann :No text to send",
                ":relay.test 401 ann bob :No such nick/channel",
                ":relay.test 411 ann :No recipient given (PRIVMSG)",
                ":relay.test 412 ann :No text to send",
            ],
        )  # fmt: skip

    def test_notice_is_never_answered(self) -> None:
        """Whatever is wrong with a NOTICE, nobody is told."""
        self.assertEqual(
            self.heard("NOTICE", "NOTICE #tea", "NOTICE nobody :x", "NOTICE #no :x"), []
        )

    def test_too_long(self) -> None:
        """A line over 512 bytes is answered with 417, its tags over theirs as well, and
        the connection lives; tags within their limit take nothing from the text."""
        head = "PRIVMSG #tea :"
        most = "x" * (510 - len(head))
        self.assertEqual("".join(self.heard(head + most)).count("x"), len(most))
        self.bob_wire.clear()
        tags = "@a=" + "b" * 4092
        self.heard(f"{tags} {head}{most}")
        for line in (head + most + "x", f"{tags}b {head}x", "x" * 9000):
            self.bob_wire.clear()
            self.assertEqual(
                self.ask(self.ann, self.ann_wire, line),
                [":relay.test 417 ann :Input line was too long"],
            )
            self.assertEqual(self.told(self.bob_wire), [])
        self.assertEqual(self.heard(head + "x"), [f"{ANN} PRIVMSG #tea :x"])

    def test_not_utf8(self) -> None:
        """What is not UTF-8 is refused by name, and the connection lives."""
        self.ann.dataReceived(b"PRIVMSG #tea :\xe9\r\n\xff\xfe\r\nPING a\r\n")
        self.assertEqual(
            self.told(self.ann_wire),
            [
                ":relay.test FAIL PRIVMSG INVALID_UTF8 :This relay takes UTF-8 only",
                ":relay.test FAIL * INVALID_UTF8 :This relay takes UTF-8 only",
                ":relay.test PONG relay.test :a",
            ],
        )
        self.assertEqual(self.told(self.bob_wire), [])

    def test_forbidden_characters(self) -> None:
        """NUL, and CR in the middle of a line, reach nobody."""
        for text in ("a\0b", "a\rQUIT"):
            self.assertEqual(
                self.numbers(self.ann, self.ann_wire, f"PRIVMSG #tea :{text}"), ["412"]
            )
        self.assertEqual(self.told(self.bob_wire), [])

    def test_in_trouble(self) -> None:
        """What has no number is told as a standard reply, with IRC's own verb."""
        self.relay.store.full = True
        (line,) = self.ask(self.ann, self.ann_wire, "PRIVMSG #tea :x")
        self.assertTrue(line.startswith(":relay.test FAIL PRIVMSG UNAVAILABLE :"), line)
        self.assertEqual(len(self.relay.bugs), 1)
        self.relay.bugs.clear()
        self.relay.store.full = False
        self.assertEqual(self.heard("PRIVMSG #tea :x"), [f"{ANN} PRIVMSG #tea :x"])

    def test_unasked_trouble(self) -> None:
        """An error that belongs to no command has its line as well."""
        told = self.ann.session.tell(Fault("slow_reader", "too slow"))
        self.assertEqual(told, b":relay.test FAIL * SLOW_READER :too slow\r\n")

    def test_signs_of_life(self) -> None:
        """Who is silent is asked by PING; who answers stays, who does not is told."""
        client, wire = self.connect("cid", exempt=False)
        self.world.advance(15)
        (asked,) = self.told(wire)
        self.assertTrue(asked.startswith("PING :"), asked)
        self.assertEqual(self.ask(client, wire, asked.replace("I", "O", 1)), [])
        self.world.advance(14)
        self.assertFalse(wire.closed)
        self.world.advance(30)
        self.assertEqual(self.told(wire)[-1][:7], "ERROR :")
        self.assertTrue(wire.closed)

    @given(st.lists(LINE, max_size=8))
    def test_any_line(self, lines: list[bytes]) -> None:
        """Whatever comes, nothing is reported as a bug, and the next PING is
        answered."""
        client, wire = self.connect("fuzz")
        client.dataReceived(b"\r\n".join([b"PING a", *lines, b"PING end", b""]))
        self.world.advance(1)
        answer = wire.value()
        self.assertTrue(answer.endswith(b"PONG relay.test :end\r\n"), answer)
        for line in answer.split(b"\r\n"):
            self.assertLessEqual(len(line), 510)
            self.assertNotIn(b"\n", line)
        client.connectionLost()
        self.no_bugs()
