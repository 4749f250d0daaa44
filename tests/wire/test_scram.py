"""SCRAM-SHA-256: the example of RFC 7677, and what is refused."""

from __future__ import annotations

from base64 import b64decode, b64encode

from twisted.trial.unittest import SynchronousTestCase

from relaychat.wire.saslprep import saslprep
from relaychat.wire.scram import (
    MESSAGE_LIMIT,
    ClientExchange,
    Keys,
    ScramError,
    ServerExchange,
    derive,
    salted,
    secret_of,
)

SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
NONCE = "rOprNGfwEbeRWgbNEkqO"
MORE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FIRST = f"n,,n=user,r={NONCE}"
CHALLENGE = f"r={NONCE}{MORE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = f"c=biws,r={NONCE}{MORE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
VERDICT = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
KEYS = derive("pencil", SALT, 4096)


class ServerTests(SynchronousTestCase):
    """The server's end."""

    def begun(self, first: str = FIRST, keys: Keys = KEYS) -> ServerExchange:
        """An exchange after the challenge."""
        exchange = ServerExchange(first)
        exchange.challenge(keys, MORE)
        return exchange

    def refused(self, first: str) -> None:
        """A first message that is none."""
        with self.assertRaises(ScramError, msg=first):
            ServerExchange(first)

    def test_example(self) -> None:
        """RFC 7677 section 3, word for word."""
        exchange = ServerExchange(FIRST)
        self.assertEqual(exchange.name, "user")
        self.assertEqual(exchange.challenge(KEYS, MORE), CHALLENGE)
        self.assertEqual(exchange.verdict(FINAL), VERDICT)

    def test_names(self) -> None:
        """Commas and equals signs are written out; one logs in as oneself."""
        self.assertEqual(ServerExchange("n,,n=a=2Cb=3Dc,r=x").name, "a,b=c")
        self.assertEqual(ServerExchange("y,a=ann,n=ann,r=x,ext=1").name, "ann")
        self.refused("n,a=bob,n=ann,r=x")
        for name in ("", "a=2", "a=2c", "=", "a=41"):
            self.refused(f"n,,n={name},r=x")

    def test_no_message(self) -> None:
        """What is no first message is refused: channel binding, extensions that must
        be understood, endless ones."""
        for first in (
            "", "n", "n,,", "n,,n=ann", "n,,r=x,n=ann", "p=tls-unique,,n=ann,r=x",
            "n,,m=1,n=ann,r=x", "n,,n=ann,r=", "n,,n=ann,r=\u00e9",
            f"n,,n=ann,r={'x' * MESSAGE_LIMIT}",
        ):  # fmt: skip
            self.refused(first)

    def test_wrong_password(self) -> None:
        """A proof of another password is none."""
        client = ClientExchange("user", "pen", NONCE)
        with self.assertRaises(ScramError):
            self.begun().verdict(client.final(CHALLENGE))

    def test_tampered(self) -> None:
        """An answer to another question, for another binding, or cut short."""
        short = b64encode(b"short").decode()
        for final in (
            FINAL.replace("hvYD", "hvYd"),
            FINAL.replace("biws", b64encode(b"y,,").decode()),
            FINAL.replace("dHzb", "dHzc"),
            FINAL.rpartition(",")[0],
            FINAL.rpartition(",")[0] + f",p={short}",
            FINAL.rpartition(",")[0] + ",p=A",
            "",
        ):
            with self.assertRaises(ScramError, msg=final):
                self.begun().verdict(final)

    def test_out_of_order(self) -> None:
        """There is no verdict before the challenge."""
        with self.assertRaises(ScramError):
            ServerExchange(FIRST).verdict(FINAL)


class ClientTests(SynchronousTestCase):
    """The client's end."""

    def setUp(self) -> None:
        self.client = ClientExchange("user", "pencil", NONCE)

    def test_example(self) -> None:
        """RFC 7677 section 3, word for word."""
        self.assertEqual(self.client.first, FIRST)
        self.assertEqual(self.client.final(CHALLENGE), FINAL)
        self.client.check(VERDICT)

    def test_names(self) -> None:
        """Any name comes through."""
        client = ClientExchange("a,b=c", "pw", "x")
        self.assertEqual(ServerExchange(client.first).name, "a,b=c")

    def test_false_server(self) -> None:
        """A server that does not know the password is found out."""
        self.client.final(CHALLENGE)
        for verdict in ("v=" + b64encode(bytes(32)).decode(), "e=other-error", "", "v"):
            with self.assertRaises(ScramError, msg=verdict):
                self.client.check(verdict)
        with self.assertRaises(ScramError):
            ClientExchange("user", "pencil", NONCE).check("v=")

    def test_bad_challenges(self) -> None:
        """Another's nonce, none of the server's own, a count that is an attack."""
        for challenge in (
            CHALLENGE.replace("rOpr", "rOpp"),
            f"r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            CHALLENGE.replace("4096", "4095"),
            CHALLENGE.replace("4096", "4000000000"),
            CHALLENGE.replace("4096", "0"),
            CHALLENGE.replace("gQ==", "gQ="),
            "e=unknown-user",
        ):
            with self.assertRaises(ScramError, msg=challenge):
                self.client.final(challenge)

    def test_what_is_known_is_not_made_again(self) -> None:
        """A salted password serves as long as salt and count are the same."""
        key = salted("pencil", SALT, 4096)
        known = {(SALT, 4096): key}
        client = ClientExchange("user", "something else", NONCE, known)
        self.assertEqual(client.final(CHALLENGE), FINAL)
        other = {(b"other", 4096): b""}
        ClientExchange("user", "pencil", NONCE, other).final(CHALLENGE)
        self.assertEqual(other, known)


class SaslprepTests(SynchronousTestCase):
    """RFC 4013."""

    def test_examples(self) -> None:
        """Those of its section 3."""
        for text, prepared in (
            ("I\u00adX", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u00aa", "a"),
            ("\u2168", "IX"),
            ("a\u00a0b", "a b"),
            ("\u0627\u0628", "\u0627\u0628"),
            ("\u06271\u0628", "\u06271\u0628"),
        ):
            self.assertEqual(saslprep(text), prepared)
        for text in ("\u0007", "\u06271", "\u0627x\u0628", "x\ud800"):
            with self.assertRaises(ValueError):
                saslprep(text)

    def test_every_password_has_bytes(self) -> None:
        """What has no prepared form, or an empty one, is taken as it is."""
        self.assertEqual(secret_of("\u2168"), b"IX")
        for text in ("\U0001fae0", "\u00ad", "a\u0007"):
            self.assertEqual(secret_of(text), text.encode())
        with self.assertRaises(UnicodeEncodeError):
            secret_of("\ud800")
