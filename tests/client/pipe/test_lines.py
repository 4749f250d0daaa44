"""Lines of bytes become messages."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from relaychat.client.pipe.lines import EMPTY, Lines, cut


def messages(data: bytes, limit: int = 4096) -> list[str]:
    lines = Lines(limit)
    return lines.feed(data) + lines.end()


class LinesTests(TestCase):
    def test_one_line_is_one_message(self) -> None:
        """Each line is a message; the last needs no end."""
        self.assertEqual(messages(b"one\ntwo\nthree"), ["one", "two", "three"])

    def test_nothing_is_no_message(self) -> None:
        """An empty input, and the end of the last line, add nothing."""
        self.assertEqual(messages(b""), [])
        self.assertEqual(messages(b"one\n"), ["one"])

    def test_crlf_is_an_end(self) -> None:
        """CR LF ends a line as LF does, also when it comes in two parts."""
        lines = Lines(4096)
        self.assertEqual(lines.feed(b"one\r"), [])
        self.assertEqual(lines.feed(b"\ntwo\r\n"), ["one", "two"])

    def test_empty_line_is_a_space(self) -> None:
        """An empty line is a message of one space, so that the counts agree."""
        self.assertEqual(messages(b"\na\n\r\n"), [EMPTY, "a", EMPTY])

    def test_what_a_message_cannot_hold_is_quoted(self) -> None:
        """Bytes that are no UTF-8, NUL and an inner CR are written as backslash x."""
        self.assertEqual(
            messages(b"a\xffb\nc\x00d\n50%\r100%\n"),
            ["a\\xffb", "c\\x00d", "50%\\x0d100%"],
        )

    def test_surrogates_are_bytes(self) -> None:
        """A surrogate in UTF-8 clothes is not UTF-8."""
        self.assertEqual(messages(b"\xed\xa0\x80\n"), ["\\xed\\xa0\\x80"])

    def test_long_line_is_cut_at_characters(self) -> None:
        """A line over the limit goes in full pieces that join to the line."""
        text = "äöü" * 20
        pieces = messages(text.encode() + b"\nnext\n", limit=16)
        self.assertEqual(pieces[-1], "next")
        self.assertEqual("".join(pieces[:-1]), text)
        self.assertTrue(all(len(piece.encode()) == 16 for piece in pieces[:-2]))

    def test_limit_counts_json(self) -> None:
        """Control characters take six bytes of JSON, and the limit knows."""
        pieces = messages(b"\x1b" * 32, limit=24)
        self.assertEqual(pieces, ["\x1b" * 4] * 8)
        self.assertEqual("".join(cut('"' * 30, 24)), '"' * 30)

    def test_exactly_the_limit(self) -> None:
        """A line of exactly the limit is one message, whatever its end."""
        for end in (b"\n", b"\r\n", b""):
            self.assertEqual(messages(b"x" * 16 + end, limit=16), ["x" * 16])

    def test_no_line_end_for_long(self) -> None:
        """What is held of a line without an end stays bounded."""
        lines = Lines(64)
        for _ in range(1000):
            lines.feed(b"y" * 100)
            self.assertLessEqual(len(lines._held), 65)

    def test_limit_is_sane(self) -> None:
        """A limit in which not even an escape fits is refused."""
        self.assertRaises(ValueError, Lines, 5)

    @given(
        st.binary(max_size=200)
        | st.text("aä€𝄞\n\r\0\x1b", max_size=80).map(lambda text: text.encode()),
        st.lists(st.integers(1, 40)),
        st.integers(16, 40),
    )
    def test_arrival_does_not_matter(
        self, data: bytes, steps: list[int], limit: int
    ) -> None:
        """However the bytes arrive, the messages are the same, and each fits."""
        lines, found, place = Lines(limit), [], 0
        for step in steps:
            found += lines.feed(data[place : place + step])
            place += step
        found += lines.feed(data[place:]) + lines.end()
        self.assertEqual(found, messages(data, limit))
        for message in found:
            self.assertTrue(message)
            size = len(json.dumps(message, ensure_ascii=False).encode()) - 2
            self.assertLessEqual(size, limit)
