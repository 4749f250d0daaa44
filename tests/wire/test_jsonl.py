"""JSON Lines, at the edge: what gets in, what does not, and what is said of it."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from relaychat.model.commands import AnyCommand, Ping, Resume, Say
from relaychat.model.errors import BadSyntax, BadText, RelayError, UnknownCommand
from relaychat.wire.jsonl import Decoder, encode

DEPTH = 16
"""Objects and arrays in each other, at most: the limit of the edge."""
COMMANDS: Decoder[AnyCommand] = Decoder(AnyCommand)


def refusal(line: bytes) -> RelayError:
    """The error that a line is refused with."""
    try:
        word = COMMANDS.decode(line)
    except RelayError as error:
        return error
    raise AssertionError(f"{word} was let in")


def send(fields: str) -> bytes:
    """A send with these fields behind its room."""
    return b'{"type":"send","room":"#a",' + fields.encode() + b"}"


class DecoderTests(SynchronousTestCase):
    """Lines in."""

    def test_command(self) -> None:
        """A line is the command of its type; spaces and escapes do not matter."""
        self.assertEqual(COMMANDS.decode(send('"text":"hi"')), Say("#a", "hi"))
        self.assertEqual(
            COMMANDS.decode(
                rb' {"text":"\ud83c\udf75","room":"#a","type":"se\u006ed"} '
            ),
            Say("#a", "🍵"),
        )

    def test_last_key_wins(self) -> None:
        """Of a key that is there twice the last one counts."""
        self.assertEqual(COMMANDS.decode(send('"text":"a","text":"b"')), Say("#a", "b"))

    def test_names_the_field(self) -> None:
        """What does not fit is told with its field, in words of JSON."""
        for fields, about, text in (
            ('"text":3', "text", "expected a string, got an integer"),
            (
                '"text":"a","cid":1.5',
                "cid",
                "expected an integer or null, got a number",
            ),
            ('"text":"a","cid":0', "cid", "expected an integer, 1 or more"),
            ('"text":"a","kind":"x"', "kind", "expected action, notice or text"),
            ('"text":"a","more":1', "more", "there is no such field"),
            ('"reply":1', "text", "is needed"),
        ):
            error = refusal(send(fields))
            self.assertEqual((type(error), error.about), (BadSyntax, about))
            self.assertEqual(error.text, f"{about}: {text}")

    def test_same_name_elsewhere(self) -> None:
        """A field is told by what its own command expects, whatever it is in
        another."""
        wrong = b'{"type":"custom","room":"#a","kind":"x","value":1}'
        self.assertEqual(
            refusal(wrong).text, "kind: expected vendor/kind, in lower case"
        )

    def test_path(self) -> None:
        """A field inside another is told with its path."""
        error = refusal(b'{"type":"policy","room":"#a","policy":{"limit":-1}}')
        self.assertEqual(error.text, "policy.limit: expected an integer, 0 or more")

    def test_integers(self) -> None:
        """Integers end where JavaScript's do."""
        COMMANDS.decode(send(f'"text":"a","cid":{2**53 - 1}'))
        for number in (str(2**53), "9" * 400, "1e400", "1.0"):
            self.assertEqual(refusal(send(f'"text":"a","cid":{number}')).about, "cid")

    def test_unknown_command(self) -> None:
        """A type that no word has is told as such."""
        error = refusal(b'{"type":"dance","room":"#a"}')
        self.assertIsInstance(error, UnknownCommand)
        self.assertEqual((error.about, error.text), ("dance", "no such command: dance"))

    def test_no_type(self) -> None:
        """An object without a type, or with an odd one, is no command."""
        for line in (b"{}", b'{"room":"#a"}', b'{"type":3}', b'{"type":null}'):
            self.assertIs(type(refusal(line)), BadSyntax)

    def test_not_an_object(self) -> None:
        """Only objects are words."""
        for line in (b"[]", b'"send"', b"1", b"null", b"true"):
            self.assertTrue(refusal(line).text.startswith("expected an object, got"))

    def test_not_json(self) -> None:
        """What is not JSON is told with the place; NaN is not JSON."""
        for line in (
            b"hello",
            b"{",
            b"",
            b'{"type":"ping"}{}',
            b'{"type":"ping",}',
            b"\xef\xbb\xbf{}",
        ):
            self.assertIn("this is not JSON: ", refusal(line).text)
        for value in ("NaN", "Infinity", "-Infinity", "01", "+1", "'a'"):
            self.assertIn("this is not JSON", refusal(send(f'"text":{value}')).text)

    def test_text(self) -> None:
        """Bytes that are not UTF-8 and halves of surrogate pairs are bad text."""
        for text in (
            *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80"),
            *(rb"\ud800", rb"\udc00", rb"\ud800 and on", rb"\udc00\ud800", rb"\uD83Da"),
        ):
            line = b'{"type":"send","room":"#a","text":"' + text + b'"}'
            self.assertIsInstance(refusal(line), BadText, line)

    def test_depth(self) -> None:
        """Nothing nested beyond the limit gets in, wherever it stands, and however deep
        it is, it is only refused."""
        for depth in (DEPTH + 1, 500, 100_000):
            for opening, closing in (("[", "]"), ('{"a":', "}")):
                nest = opening * depth + "1" + closing * depth
                for line in (nest, f'{{"x":{nest},"type":"ping"}}', nest[:-1]):
                    self.assertIsInstance(refusal(line.encode()), BadSyntax)
                self.assertIsInstance(refusal(send(f'"text":{nest}')), BadSyntax)
            rooms = '{"type":"resume","rooms":' + '{"a":' * depth
            self.assertIsInstance(refusal(rooms.encode()), BadSyntax)

    def test_error_is_short(self) -> None:
        """However long the mistake is, the error is a line for people."""
        long = "x" * 60_000
        for line in (
            b'{"type":"' + long.encode() + b'"}',
            send(f'"text":"a","kind":"{long}"'),
            send(f'"text":"a","{long}":1'),
            send(f'"text":"a","id":"{long}"'),
        ):
            error = refusal(line)
            self.assertLess(len(error.text) + len(error.about), 250)

    @given(st.binary(max_size=200))
    def test_any_bytes(self, line: bytes) -> None:
        """Whatever comes is a command or a refusal."""
        self.assertIsInstance(refusal(line), BadSyntax)

    @given(
        st.sampled_from(["send", "resume", "policy", "hello", "history", "x"]),
        st.dictionaries(
            st.sampled_from(["room", "text", "cid", "rooms", "policy", "nick", "é`$"]),
            st.recursive(
                st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
                lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
                max_leaves=5,
            ),
        ),
    )
    def test_any_object(self, kind: str, fields: dict[str, object]) -> None:
        """Whatever object comes, a refusal names no exception of the program."""
        line = json.dumps({"type": kind, **fields}).encode()
        try:
            COMMANDS.decode(line)
        except BadSyntax as error:
            self.assertNotIn("Error", error.text)


class EncodeTests(SynchronousTestCase):
    """Lines out."""

    def test_line(self) -> None:
        """A word is one line, its tag first, without what is at its default."""
        self.assertEqual(
            encode(Say("#a", "b\nc")), b'{"type":"send","room":"#a","text":"b\\nc"}\n'
        )

    @given(st.text(), st.integers(1, 2**53 - 1))
    def test_round_trip(self, text: str, cid: int) -> None:
        """What was encoded is one line, and is decoded to itself."""
        for word in (Say("#a", text, cid=cid), Ping(id=text[:60])):
            line = encode(word)
            self.assertEqual(line.find(b"\n"), len(line) - 1)
            self.assertEqual(COMMANDS.decode(line[:-1]), word)

    def test_deepest(self) -> None:
        """The deepest word is well within the limit."""
        word = b'{"type":"resume","rooms":{"#a":{"epoch":"e","seq":1}}}'
        self.assertIsInstance(COMMANDS.decode(word), Resume)
        self.assertIsInstance(msgspec.json.decode(word), dict)
