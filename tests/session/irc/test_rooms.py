"""Rooms by IRC: bytes in, bytes out."""

from __future__ import annotations

from relaychat.model.commands import (
    Ban,
    Join,
    SetPolicy,
)
from relaychat.model.policy import PolicyChange
from tests.session.irc.conversation import ANN, BOB, TwoInARoom


class RoomTests(TwoInARoom):
    """Coming, going, and what a room is."""

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

    def test_modes_without_parameters(self) -> None:
        """A room without key and limit has letters only."""
        self.assertEqual(self.ann_asks("MODE #tea")[0], ":relay.test 324 ann #tea +nt")

    def test_other_sessions(self) -> None:
        """One's other sessions enter a room too, with one JOIN and under the nick that
        one has then, also if they go in the same turn."""
        self.relay.account("dan", "secret")
        (dan, wire), (other, its_wire) = self.open(), self.open()
        for speaker in (dan, other):
            speaker.dataReceived(b"PASS secret\r\nNICK dan\r\nUSER dan 0 * :Dan\r\n")
        self.relay.store.hold()
        self.ask(self.ann, self.ann_wire, "PRIVMSG #tea :the turn before")
        self.ask(dan, wire, "JOIN #one")
        self.ask(other, its_wire, "QUIT")
        self.relay.store.release()
        self.relay.run()
        self.assertEqual(
            self.told(its_wire),
            [
                ":dan!dan@relaychat JOIN #one",
                ":relay.test 353 dan = #one :@dan",
                ":relay.test 366 dan #one :End of /NAMES list",
                "ERROR :goodbye",
            ],
        )

    def test_renamed_at_hello(self) -> None:
        """Whom another session renames in the turn of the hello is welcomed, and comes
        in, under the old nick, and is renamed then."""
        self.relay.account("dan", "secret")
        (dan, wire), (other, its_wire) = self.open(), self.open()
        dan.dataReceived(b"PASS secret\r\nNICK dan\r\nUSER dan 0 * :Dan\r\n")
        self.ask(dan, wire, "JOIN #one", "NICK dan2")
        self.relay.store.hold()
        self.ask(self.ann, self.ann_wire, "PRIVMSG #tea :the turn before")
        other.dataReceived(b"PASS secret\r\nNICK dan\r\nUSER dan 0 * :Dan\r\n")
        self.ask(dan, wire, "NICK dan")
        self.relay.store.release()
        self.relay.run()
        told = self.told(its_wire)
        self.assertTrue(told[0].startswith(":relay.test 001 dan2 :Welcome"), told[0])
        self.assertIn(":dan2!dan@relaychat JOIN #one", told)
        self.assertEqual(told[-1], ":dan2!dan@relaychat NICK dan")

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

    def test_ping(self) -> None:
        """PING is answered with its token, behind all answers before it."""
        self.assertEqual(
            self.numbers(self.ann, self.ann_wire, "NAMES #tea", "PING x", "PONG x"),
            ["353", "366", "PONG"],
        )
        self.assertEqual(
            self.numbers(self.ann, self.ann_wire, "PING", "PING :"), ["409", "409"]
        )
        (line,) = self.ann_asks("PING " + "x" * 500)
        self.assertLessEqual(len(line), 510)

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
