"""IRC, by whole conversations: bytes in, bytes out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relaychat.model.commands import (
    Ban,
    Edit,
    Invite,
    Join,
    Kick,
    Redact,
    Say,
    SetPolicy,
    SetRole,
)
from relaychat.model.policy import PolicyChange
from relaychat.session.irc.dialect import Irc
from relaychat.session.native import Native
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import RelayTestCase, Speaker

BURST = ["001", "002", "003", "004", "005", "422"]
ANN = ":ann!~guest@relaychat"
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


class RegistrationTests(IrcTestCase):
    """From the first byte to the welcome."""

    def test_welcome(self) -> None:
        """NICK and USER, in either order, are welcomed by 001 to 005 and 422."""
        for first, second in (
            ("NICK ann", "USER ann 0 * :Ann Other"),
            ("USER bob 0 * :Bob", "NICK bob"),
        ):
            client, wire = self.open()
            self.assertEqual(self.ask(client, wire, first), [])
            self.assertEqual(
                self.numbers(client, wire, second),
                BURST,
            )

    def test_burst(self) -> None:
        """The burst names the nick, the server and the whole source; 005 holds no more
        than 13 tokens and ends with a text."""
        client, wire = self.open()
        burst = self.ask(client, wire, "NICK ann", "USER ann 0 * :Ann")
        for line in burst:
            self.assertRegex(line, "^:relay.test [0-9]{3} ann ")
        self.assertTrue(burst[0].endswith(" ann!~guest@relaychat"))
        tokens, _, text = burst[4].partition(" :")
        self.assertEqual(text, "are supported by this server")
        self.assertLessEqual(len(tokens.split(" ")[3:]), 13)
        self.assertIn(" CASEMAPPING=ascii ", tokens)

    def test_byte_by_byte(self) -> None:
        """One byte at a time, and LF alone, make no difference."""
        client, wire = self.open()
        for byte in b"\r\nNICK ann\nUSER ann 0 * :Ann\r\n\nJOIN #tea\n":
            client.dataReceived(bytes([byte]))
        self.assertEqual(
            self.told(wire)[6:],
            [
                f"{ANN} JOIN #tea",
                ":relay.test 353 ann = #tea :@ann",
                ":relay.test 366 ann #tea :End of /NAMES list",
            ],
        )

    def test_everything_in_one_segment(self) -> None:
        """A client need not wait for answers; they come in its order."""
        client, wire = self.open()
        client.dataReceived(
            b"NICK ann\r\nUSER ann 0 * :Ann\r\nJOIN #tea\r\nTOPIC #tea\r\nPING end\r\n"
        )
        self.assertEqual(
            [line.split(" ")[1] for line in self.told(wire)],
            [*BURST, "JOIN", "353", "366", "331", "PONG"],
        )

    def test_nick_taken_while_both_register(self) -> None:
        """A nick is kept from NICK on; the other is told, and may take another."""
        ann, ann_wire = self.open()
        bob, bob_wire = self.open()
        self.assertEqual(self.ask(ann, ann_wire, "NICK ann"), [])
        taken = [":relay.test 433 * Ann :Nickname is already in use"]
        self.assertEqual(self.ask(bob, bob_wire, "NICK Ann", "USER b 0 * :B"), taken)
        self.assertEqual(len(self.ask(ann, ann_wire, "USER a 0 * :A")), 6)
        self.assertEqual(self.numbers(bob, bob_wire, "NICK bob")[0], "001")

    def test_nick_taken_in_one_segment(self) -> None:
        """NICK and USER together are refused once, not twice."""
        self.connect("ann")
        bob, wire = self.open()
        bob.dataReceived(b"NICK ann\r\nUSER b 0 * :B\r\n")
        self.assertEqual(
            self.told(wire), [":relay.test 433 * ann :Nickname is already in use"]
        )
        self.assertEqual(self.numbers(bob, wire, "NICK bob")[0], "001")

    def test_nick_is_free_again(self) -> None:
        """The nick of a client that never registered is free when it goes."""
        ann, ann_wire = self.open()
        self.ask(ann, ann_wire, "NICK ann")
        ann.connectionLost()
        other, wire = self.open()
        self.assertEqual(
            self.numbers(other, wire, "NICK ann", "USER a 0 * :A")[0], "001"
        )

    def test_bad_nicks(self) -> None:
        """Names that are none are refused, and the next one may do."""
        client, wire = self.open()
        for nick in ("1a", "#a", "a.b", "a!b", "x" * 31, "*", ":a b"):
            self.assertEqual(self.numbers(client, wire, f"NICK {nick}"), ["432"])
        for line in ("NICK", "NICK :"):
            self.assertEqual(self.numbers(client, wire, line), ["431"])
        self.assertEqual(
            self.numbers(client, wire, "USER a 0 * :A", "NICK ann")[0], "001"
        )

    def test_bad_users(self) -> None:
        """USER needs all four, and a real name that is not empty."""
        client, wire = self.open()
        for line in ("USER", "USER a 0 *", "USER a 0 * :"):
            self.assertEqual(self.numbers(client, wire, line), ["461"])

    def test_too_early(self) -> None:
        """What needs a name is refused before there is one; PING is not."""
        client, wire = self.open()
        self.assertEqual(
            self.ask(client, wire, "JOIN #tea", "PRIVMSG #tea :x", "PING :a b"),
            [
                ":relay.test 451 * :You have not registered",
                ":relay.test 451 * :You have not registered",
                ":relay.test PONG relay.test :a b",
            ],
        )

    def test_too_late(self) -> None:
        """USER and PASS come before the welcome only."""
        client, wire = self.connect("ann")
        self.assertEqual(
            self.numbers(client, wire, "USER a 0 * :A", "PASS x"), ["462", "462"]
        )

    def test_capabilities(self) -> None:
        """CAP LS and CAP REQ hold the welcome back until CAP END."""
        client, wire = self.open()
        self.assertEqual(
            self.ask(
                client, wire, "CAP LS 302", "NICK ann", "USER a 0 * :A",
                "CAP REQ :sasl batch", "CAP LIST", "CAP WHAT",
            ),
            [
                ":relay.test CAP * LS :",
                ":relay.test CAP * NAK :sasl batch",
                ":relay.test CAP * LIST :",
                ":relay.test 410 * WHAT :Invalid CAP command",
            ],
        )  # fmt: skip
        self.assertEqual(self.numbers(client, wire, "CAP END")[0], "001")
        self.assertEqual(self.ask(client, wire, "CAP LS"), [":relay.test CAP ann LS :"])

    def test_account(self) -> None:
        """PASS logs in to the account of the nick, also beside another session of it,
        which shares its rooms."""
        self.relay.accounts["ann"] = ("Ann", "secret")
        first, first_wire = self.open()
        lines = ("PASS secret", "NICK ann", "USER a 0 * :A")
        welcome = self.ask(first, first_wire, *lines)[0]
        self.assertTrue(welcome.endswith(" Ann!Ann@relaychat"))
        self.ask(first, first_wire, "JOIN #tea")
        second, wire = self.open()
        self.assertEqual(
            self.ask(second, wire, *lines)[6:],
            [
                ":Ann!Ann@relaychat JOIN #tea",
                ":relay.test 353 Ann = #tea :@Ann",
                ":relay.test 366 Ann #tea :End of /NAMES list",
            ],
        )

    def test_wrong_password(self) -> None:
        """A wrong password is told, and not what was wrong with it."""
        client, wire = self.open()
        self.assertEqual(
            self.ask(client, wire, "PASS x", "NICK ann", "USER a 0 * :A"),
            [":relay.test 464 * :Password incorrect"],
        )

    def test_no_hello(self) -> None:
        """Who does not register in time is told why the connection closes."""
        _, wire = self.open()
        self.world.advance(11)
        self.assertEqual(self.told(wire), ["ERROR :no hello in time"])
        self.assertTrue(wire.closed)


class RoomTests(IrcTestCase):
    """Coming, going, and what a room is."""

    def setUp(self) -> None:
        """Ann and Bob are in the room."""
        super().setUp()
        self.ann, self.ann_wire = self.connect("ann", "#tea")
        self.bob, self.bob_wire = self.connect("bob", "#tea")
        self.ann_wire.clear()

    def ann_asks(self, *lines: str) -> list[str]:
        """What Ann is told."""
        return self.ask(self.ann, self.ann_wire, *lines)

    def test_join(self) -> None:
        """Everybody is told of a join; the joiner is shown topic and names."""
        self.ann_asks("TOPIC #tea :Earl Grey")
        client, wire = self.connect("cid")
        self.assertEqual(
            self.ask(client, wire, "JOIN #Tea"),
            [
                ":cid!~guest@relaychat JOIN #tea",
                ":relay.test 332 cid #tea :Earl Grey",
                f":relay.test 333 cid #tea ann {self.world.now_ms() // 1000}",
                ":relay.test 353 cid = #tea :@ann bob cid",
                ":relay.test 366 cid #tea :End of /NAMES list",
            ],
        )
        self.assertEqual(self.told(self.ann_wire), [":cid!~guest@relaychat JOIN #tea"])

    def test_join_several(self) -> None:
        """Each room of a list is joined or refused by itself; keys go by position."""
        self.ann.say(Join("#key"), SetPolicy("#key", PolicyChange(key="k")))
        lines = self.ask(self.bob, self.bob_wire, "JOIN #a,bad,#key,#b x,y,k")
        self.assertEqual(
            [line for line in lines if " 353 " not in line and " 366 " not in line],
            [
                f"{BOB} JOIN #a",
                ":relay.test 403 bob bad :No such channel",
                f"{BOB} JOIN #key",
                f"{BOB} JOIN #b",
            ],
        )

    def test_closed_doors(self) -> None:
        """Key, invitation, limit and ban have their numbers."""
        for number, command in (
            ("475", SetPolicy("#tea", PolicyChange(key="k"))),
            ("473", SetPolicy("#tea", PolicyChange(invite_only=True, key=""))),
            ("471", SetPolicy("#tea", PolicyChange(invite_only=False, limit=2))),
            ("474", Ban("#tea", "cid")),
        ):
            self.ann.say(command)
            cid, wire = self.connect("cid")
            self.assertEqual(self.numbers(cid, wire, "JOIN #tea"), [number])
            cid.connectionLost()

    def test_long_names(self) -> None:
        """Names that don't fit one line take several, each within 512 bytes."""
        for number in range(80):
            self.connect(f"somebody-with-a-nick-{number}", "#tea")
        lines = self.ann_asks("NAMES #tea")
        self.assertTrue(all(len(line) <= 510 for line in lines))
        self.assertGreater(len(lines), 3)
        names = [nick for line in lines[:-1] for nick in line.split(":")[2].split(" ")]
        self.assertEqual(len(names), 82)
        self.assertNotIn("", names)

    def test_names(self) -> None:
        """NAMES of a room that is not there, or of none, is only the end."""
        self.assertEqual(self.numbers(self.ann, self.ann_wire, "NAMES #tea")[-1], "366")
        self.assertEqual(
            self.ann_asks("NAMES #no", "NAMES"),
            [
                ":relay.test 366 ann #no :End of /NAMES list",
                ":relay.test 366 ann * :End of /NAMES list",
            ],
        )

    def test_part(self) -> None:
        """PART is told to all with its reason."""
        self.assertEqual(
            self.ann_asks("PART #tea :bye all"), [f"{ANN} PART #tea :bye all"]
        )
        self.assertEqual(self.told(self.bob_wire), [f"{ANN} PART #tea :bye all"])
        self.assertEqual(
            self.ann_asks("PART #tea,#no"),
            [
                ":relay.test 442 ann #tea :You're not on that channel",
                ":relay.test 403 ann #no :No such channel",
            ],
        )

    def test_long_reason(self) -> None:
        """A reason or a topic over its limit is cut between characters."""
        (line,) = self.ann_asks("TOPIC #tea :" + "é" * 220)
        self.assertEqual(line, f"{ANN} TOPIC #tea :" + "é" * 195)
        (line,) = self.ann_asks("PART #tea :" + "é" * 220)
        self.assertEqual(line, f"{ANN} PART #tea :" + "é" * 150)

    def test_topic(self) -> None:
        """TOPIC asks, sets and removes; who may not is told."""
        now = self.world.now_ms() // 1000
        none = ":relay.test 331 ann #tea :No topic is set"
        self.assertEqual(
            self.ann_asks(
                "TOPIC #tea", "TOPIC #tea :a b", "TOPIC #tea", "TOPIC #tea :"
            ),
            [
                none,
                f"{ANN} TOPIC #tea :a b",
                ":relay.test 332 ann #tea :a b",
                f":relay.test 333 ann #tea ann {now}",
                f"{ANN} TOPIC #tea :",
            ],
        )
        self.assertEqual(self.ann_asks("TOPIC #tea"), [none])
        self.assertEqual(
            self.ask(self.bob, self.bob_wire, "TOPIC #tea :x", "TOPIC #no"),
            [
                ":relay.test 482 bob #tea :You're not channel operator",
                ":relay.test 403 bob #no :No such channel",
            ],
        )

    def test_mode(self) -> None:
        """MODE tells the letters that are true, and knows no other yet."""
        now = self.world.now_ms() // 1000
        policy = PolicyChange(moderated=True, key="geheim", limit=9)
        self.ann.say(SetPolicy("#tea", policy))
        self.assertEqual(
            self.ann_asks("MODE #tea", "MODE ann", "MODE #tea b", "MODE #tea +x"),
            [
                ":relay.test 324 ann #tea +mntkl * 9",
                f":relay.test 329 ann #tea {now}",
                ":relay.test 221 ann +",
                ":relay.test 368 ann #tea :End of channel ban list",
                ":relay.test 472 ann x :is unknown mode char to me",
            ],
        )
        self.assertEqual(
            self.numbers(self.ann, self.ann_wire, "MODE bob", "MODE #no", "MODE"),
            ["502", "403", "461"],
        )

    def test_nick(self) -> None:
        """A change of nick is told once to each, oneself included, whatever number of
        rooms is shared; the old nick is free."""
        for wire, speaker in ((self.ann_wire, self.ann), (self.bob_wire, self.bob)):
            self.ask(speaker, wire, "JOIN #two")
        self.assertEqual(self.ann_asks("NICK Ann2"), [f"{ANN} NICK Ann2"])
        self.assertEqual(self.told(self.bob_wire)[-1:], [f"{ANN} NICK Ann2"])
        self.assertEqual(
            self.ask(self.bob, self.bob_wire, "NICK ann2", "NICK 2", "NICK ann"),
            [
                ":relay.test 433 bob ann2 :Nickname is already in use",
                ":relay.test 432 bob 2 :Erroneous nickname",
                f"{BOB} NICK ann",
            ],
        )

    def test_quit(self) -> None:
        """A quit is told once to each; who quits gets an ERROR and is hung up on."""
        for wire, speaker in ((self.ann_wire, self.ann), (self.bob_wire, self.bob)):
            self.ask(speaker, wire, "JOIN #two")
        self.bob_wire.clear()
        self.assertEqual(self.ann_asks("QUIT :to bed"), ["ERROR :to bed"])
        self.assertTrue(self.ann_wire.closed)
        self.assertEqual(self.told(self.bob_wire), [f"{ANN} QUIT :to bed"])

    def test_lost(self) -> None:
        """A connection that breaks is a quit, with the reason."""
        self.ann.connectionLost("Connection reset by peer")
        self.assertEqual(
            self.told(self.bob_wire), [f"{ANN} QUIT :Connection reset by peer"]
        )

    def test_unknown(self) -> None:
        """Commands that there are not are named; WHO ends at once."""
        self.assertEqual(
            self.ann_asks("WHOIS bob", "who #tea", "\u00e9 x", "TOPIC"),
            [
                ":relay.test 421 ann WHOIS :Unknown command",
                ":relay.test 315 ann #tea :End of /WHO list",
                ":relay.test 421 ann é :Unknown command",
                ":relay.test 461 ann TOPIC :Not enough parameters",
            ],
        )


class MessageTests(IrcTestCase):
    """What is said, and how it arrives."""

    def setUp(self) -> None:
        """Ann and Bob are in the room."""
        super().setUp()
        self.ann, self.ann_wire = self.connect("ann", "#tea")
        self.bob, self.bob_wire = self.connect("bob", "#tea")
        self.ann_wire.clear()

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
        """A message to oneself is kept; without an echo there is nothing to show."""
        self.assertEqual(self.ask(self.ann, self.ann_wire, "PRIVMSG ann :note"), [])

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


class OtherWireTests(IrcTestCase):
    """What somebody on the native wire does, as IRC shows it."""

    def setUp(self) -> None:
        """Ann is on IRC, Nat is not, and runs the room."""
        super().setUp()
        self.nat, _ = self.connect("nat", "#tea", dialect=Native)
        self.ann, self.wire = self.connect("ann", "#tea")

    def test_long_text(self) -> None:
        """A text of many lines, or a long one, comes as several messages, whole."""
        self.nat.say(Say("#tea", "one\n\n two"), Say("#tea", "é" * 1000))
        head = ":nat!~guest@relaychat PRIVMSG #tea :"
        lines = self.told(self.wire)
        self.assertEqual(lines[:2], [head + "one", head + " two"])
        self.assertTrue(all(len(line.encode()) <= 510 for line in lines))
        self.assertEqual("".join(lines[2:]).replace(head, ""), "é" * 1000)

    def test_action(self) -> None:
        """An action is CTCP."""
        self.nat.say(Say("@ann", "waves", "action"))
        self.assertEqual(
            self.told(self.wire),
            [":nat!~guest@relaychat PRIVMSG ann :\1ACTION waves\1"],
        )

    def test_rule(self) -> None:
        """Roles, policy and bans are modes; a kick is a kick; an owner is an
        operator."""
        self.nat.say(
            SetRole("#tea", "ann", "voice"),
            SetRole("#tea", "ann", "operator"),
            SetRole("#tea", "ann", "owner"),
            SetRole("#tea", "ann", "member"),
            SetPolicy(
                "#tea", PolicyChange(secret=True, topic_locked=False, key="k", limit=5)
            ),
            SetPolicy("#tea", PolicyChange(key="", limit=0)),
            SetPolicy("#tea", PolicyChange(history="since_join")),
            Ban("#tea", "eve"),
            Ban("#tea", "eve", remove=True, exception=False),
            Ban("#tea", "*@x", exception=True),
            Kick("#tea", "ann"),
        )
        nat = ":nat!~guest@relaychat"
        self.assertEqual(
            self.told(self.wire),
            [
                f"{nat} MODE #tea +v ann",
                f"{nat} MODE #tea -v+o ann ann",
                f"{nat} MODE #tea -o ann",
                f"{nat} MODE #tea -t+skl * 5",
                f"{nat} MODE #tea -kl *",
                f"{nat} MODE #tea +b eve!*@*",
                f"{nat} MODE #tea -b eve!*@*",
                f"{nat} MODE #tea +e *!*@x",
                f"{nat} KICK #tea ann :nat",
            ],
        )

    def test_invitation(self) -> None:
        """An invitation is shown to who is invited."""
        self.nat.say(Join("#two"), Invite("#two", "ann"))
        self.assertEqual(self.told(self.wire), [":nat INVITE ann #two"])

    def test_edits(self) -> None:
        """An edit in a room is a message that says so; in a direct room, and for what
        IRC has no words for, nothing is said."""
        self.nat.say(Say("#tea", "helo"), Say("@ann", "helo"))
        self.wire.clear()
        self.nat.say(
            Edit("#tea", 3, "hello"), Edit("@ann", 1, "hello"), Redact("#tea", 3)
        )
        self.assertEqual(
            self.told(self.wire), [":nat!~guest@relaychat PRIVMSG #tea :* hello"]
        )

    def test_no_line_is_forged(self) -> None:
        """A topic or a reason with line ends stays in its line."""
        self.nat.dataReceived(
            b'{"type":"topic","room":"#tea","text":"a\\r\\nQUIT :b"}\n'
            b'{"type":"part","room":"#tea","reason":"a\\nb\\u0000c"}\n'
        )
        for line in self.told(self.wire):
            self.assertTrue(line.startswith(":nat!~guest@relaychat "), line)
