"""From the first byte to the welcome: bytes in, bytes out."""

from __future__ import annotations

from tests.session.irc.conversation import ANN, BURST, IrcTestCase


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

    def test_quit_in_the_same_segment(self) -> None:
        """Who leaves in the turn in which it came is called by its name all the
        same."""
        client, wire = self.open()
        client.dataReceived(
            b"NICK ann\r\nUSER ann 0 * :Ann\r\nJOIN #tea\r\nPART #no\r\nQUIT\r\n"
        )
        told = self.told(wire)
        self.assertEqual(
            [line.split(" ")[1] for line in told[:-1]],
            [*BURST, "JOIN", "353", "366", "403"],
        )
        for line in told[:-1]:
            self.assertRegex(line, "^(:relay.test [0-9]{3} ann |:ann!)")

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
        self.relay.account("Ann", "secret")
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

    def test_password_of_words(self) -> None:
        """A password has spaces, whether a client marks it as the last one (nc) or not
        (irssi)."""
        self.relay.account("ann", "tea with lemon")
        for line in ("PASS :tea with lemon", "PASS tea with lemon"):
            client, wire = self.open()
            numbers = self.numbers(client, wire, line, "NICK ann", "USER a 0 * :A")
            self.assertEqual(numbers[0], "001", line)

    def test_wrong_password(self) -> None:
        """A wrong password is told, and not what was wrong with it."""
        client, wire = self.open()
        self.assertEqual(
            self.ask(client, wire, "PASS x", "NICK ann", "USER a 0 * :A"),
            [":relay.test 464 * :Password incorrect"],
        )

    def test_account_whose_nick_a_guest_has(self) -> None:
        """An account's owner is welcomed; a guest who has the nick is renamed."""
        _, guest = self.connect("ann")
        guest.clear()
        self.relay.account("ann", "secret")
        client, wire = self.open()
        numbers = self.numbers(client, wire, "PASS secret", "NICK ann", "USER a 0 * :A")
        self.assertEqual(numbers[0], "001")
        (renamed,) = self.told(guest)
        self.assertTrue(renamed.startswith(":ann!~guest@relaychat NICK guest-"))

    def test_no_hello(self) -> None:
        """Who does not register in time is told why the connection closes."""
        _, wire = self.open()
        self.world.advance(11)
        self.assertEqual(self.told(wire), ["ERROR :no hello in time"])
        self.assertTrue(wire.closed)
