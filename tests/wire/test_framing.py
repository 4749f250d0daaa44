"""Lines out of a stream, in whatever pieces it comes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from relaychat.model.errors import ProtocolBroken, RelayError, TooLong
from relaychat.wire.framing import BROKEN_AFTER, LineFramer

LIMIT = 8


def framed(*pieces: bytes) -> list[bytes | str]:
    """What a framer makes of these pieces; errors by their code."""
    framer = LineFramer(LIMIT)
    return [
        frame.code if isinstance(frame, RelayError) else frame
        for piece in pieces
        for frame in framer.feed(piece)
    ]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces, cut at these places."""
    edges = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


STREAM = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"\n", b"\r\n", b"\r", b"x" * 8, b"x" * 140, b"\r" * 9]),
    ),
    max_size=12,
).map(b"".join)


class LineFramerTests(SynchronousTestCase):
    """Bytes in, lines out."""

    def test_line_ends(self) -> None:
        """LF and CR LF end a line; CR alone does not, and only one CR belongs to it."""
        self.assertEqual(
            framed(b"a\nb\r\n\n\r\nc\rd\ne\r\r\n"),
            [b"a", b"b", b"", b"", b"c\rd", b"e\r"],
        )

    def test_partial(self) -> None:
        """A line is held until its end has come."""
        self.assertEqual(framed(b"a", b"b"), [])
        self.assertEqual(framed(b"a", b"b\nc", b"\r", b"\n"), [b"ab", b"c"])

    def test_limit(self) -> None:
        """A line may be as long as the limit, its end not counted."""
        self.assertEqual(framed(b"12345678\r\n12345678\n"), [b"12345678"] * 2)
        self.assertEqual(framed(b"12345678\r", b"\n"), [b"12345678"])
        self.assertEqual(framed(b"12345678\r", b"x\na\n"), ["too_long", b"a"])

    def test_too_long(self) -> None:
        """A line that is too long is told once, at once, and skipped to its end."""
        self.assertEqual(framed(b"a\n123456789"), [b"a", "too_long"])
        self.assertEqual(
            framed(b"123456789", b"more", b"\nok\n" + b"x" * 20 + b"\nok\n"),
            ["too_long", b"ok", "too_long", b"ok"],
        )

    def test_says_the_limit(self) -> None:
        """The error names the limit."""
        (error,) = LineFramer(LIMIT).feed(b"123456789")
        assert isinstance(error, TooLong)
        self.assertEqual(error.text, "a line has at most 8 bytes")

    def test_broken(self) -> None:
        """Without a line end for 16 times the limit the stream is broken for good."""
        framer = LineFramer(LIMIT)
        most = b"x" * (BROKEN_AFTER * LIMIT)
        self.assertEqual(len(framer.feed(most)), 1)
        self.assertFalse(framer.broken)
        (error,) = framer.feed(b"x")
        self.assertIsInstance(error, ProtocolBroken)
        self.assertTrue(framer.broken)
        self.assertEqual(list(framer.feed(b"\nhello\n")), [])

    def test_broken_in_the_middle(self) -> None:
        """Lines before the break count, nothing behind it does."""
        for stream in (b"a\n" + b"x" * 129 + b"\nb\n", b"a\n" + b"x" * 129):
            self.assertEqual(framed(stream), [b"a", "too_long", "protocol_broken"])

    @given(STREAM, st.lists(st.integers(0, 400), max_size=8))
    def test_any_split(self, stream: bytes, places: list[int]) -> None:
        """The frames are those of the whole stream, wherever it is cut."""
        self.assertEqual(framed(*cut(stream, places)), framed(stream))

    @given(STREAM)
    def test_byte_by_byte(self, stream: bytes) -> None:
        """One byte at a time makes no difference."""
        pieces = [stream[place : place + 1] for place in range(len(stream))]
        self.assertEqual(framed(*pieces), framed(stream))

    @given(st.lists(st.binary(max_size=LIMIT).filter(lambda line: b"\n" not in line)))
    def test_round_trip(self, lines: list[bytes]) -> None:
        """Lines that were written with an end come out as they were."""
        plain = [line.replace(b"\r", b"") for line in lines]
        for end in (b"\n", b"\r\n"):
            self.assertEqual(framed(b"".join(line + end for line in plain)), plain)

    @given(st.binary(min_size=1, max_size=4), st.integers(1, 200))
    def test_bounded(self, piece: bytes, times: int) -> None:
        """It never holds more than a line and the CR behind it."""
        framer = LineFramer(LIMIT)
        for _ in range(times):
            framer.feed(piece)
            self.assertLessEqual(len(framer._partial), LIMIT + 1)
