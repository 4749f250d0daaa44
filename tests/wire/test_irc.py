"""Lines of IRC, apart and together again."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from relaychat.wire.irc import (
    LINE_BYTES,
    PARAMETERS,
    compose,
    compose_tags,
    message_lines,
    parse,
    parse_tags,
    split,
)

ONE_LINE = st.characters(codec="utf-8", exclude_characters="\r\n\0")
TEXT = st.text(ONE_LINE)
MIDDLE = st.text(ONE_LINE, min_size=1).filter(
    lambda word: " " not in word and word[0] != ":"
)
COMMAND = st.from_regex("[A-Z]{1,8}|[0-9]{3}", fullmatch=True)
SOURCE = st.from_regex("[a-z]{1,30}![a-z]{1,30}@relay", fullmatch=True)


class ParseTests(SynchronousTestCase):
    """A line comes apart."""

    def test_lines(self) -> None:
        """The forms that clients send."""
        for line, expected in {
            "PRIVMSG #a :hello there": ("PRIVMSG", ["#a", "hello there"]),
            "PRIVMSG #a hello": ("PRIVMSG", ["#a", "hello"]),
            "privmsg #a :": ("privmsg", ["#a", ""]),
            "PRIVMSG #a : x": ("PRIVMSG", ["#a", " x"]),
            "PRIVMSG #a ::) :": ("PRIVMSG", ["#a", ":) :"]),
            "USER  a   0 *   :A B": ("USER", ["a", "0", "*", "A B"]),
            ":ann!a@b NICK bob": ("NICK", ["bob"]),
            "@a=b;c :ann   NICK  bob  ": ("NICK", ["bob"]),
            "  NICK bob": ("NICK", ["bob"]),
            "MODE #a +k b:c": ("MODE", ["#a", "+k", "b:c"]),
        }.items():
            self.assertEqual(parse(line), expected)

    def test_empty(self) -> None:
        """A line with nothing but spaces, tags or a source is empty."""
        for line in ("", "   ", ":", "@", ":ann", "@a=b", "@a :ann ", "@a  "):
            self.assertEqual(parse(line), ("", []))

    def test_fifteen_parameters(self) -> None:
        """What follows the fourteenth parameter is one, with or without its colon."""
        fourteen = " ".join("abcdefghijklmn")
        for rest in ("o", "o p q", "o :p q", "o p :q"):
            for colon in ("", ":"):
                _, parameters = parse(f"X {fourteen} {colon}{rest}")
                self.assertEqual(len(parameters), PARAMETERS)
                self.assertEqual(parameters[-1], rest)

    @given(TEXT)
    def test_any_line(self, line: str) -> None:
        """Whatever comes, there are at most 15 parameters, and only the last holds
        spaces or nothing."""
        command, parameters = parse(line)
        self.assertLessEqual(len(parameters), PARAMETERS)
        for word in [command, *parameters][:-1]:
            self.assertTrue(word)
            self.assertNotIn(" ", word)


class ComposeTests(SynchronousTestCase):
    """A line is put together."""

    def test_colon(self) -> None:
        """The last parameter has a colon where it needs one."""
        for last, written in {"a": "a", "": ":", "a b": ":a b", ":)": "::)"}.items():
            self.assertEqual(compose("X", ["#a", last]), f"X #a {written}")

    def test_refused(self) -> None:
        """What only the last parameter can hold is refused before it."""
        for word in ("", ":a", "a b"):
            with self.assertRaises(ValueError):
                compose("X", [word, "b"])

    @given(COMMAND, st.lists(MIDDLE, max_size=14), TEXT, st.none() | SOURCE)
    def test_round_trip(
        self, command: str, middle: list[str], last: str, source: str | None
    ) -> None:
        """What was put together comes apart the same."""
        for parameters in ([*middle, last], middle):
            line = compose(command, parameters, source or "")
            self.assertEqual(parse(line), (command, parameters))


class TagTests(SynchronousTestCase):
    """Message tags."""

    def test_escapes(self) -> None:
        """The escapes of the specification, and backslashes that escape nothing."""
        for written, value in {
            r"a\:b\sc\\d\re\nf": "a;b c\\d\re\nf",
            r"a\b": "ab",
            "a\\": "a",
            r"a\\\\": "a\\\\",
            r"\\s": r"\s",
        }.items():
            self.assertEqual(parse_tags(f"@k={written} X"), {"k": value})

    def test_forms(self) -> None:
        """No value is an empty one; the last of two counts; nothing is no tag."""
        self.assertEqual(
            parse_tags("@a;b=;+x/y=1=2;a=3;;=4 X"), {"a": "3", "b": "", "+x/y": "1=2"}
        )
        self.assertEqual(parse_tags("X @a=b"), {})
        self.assertEqual(compose_tags({}), "")
        self.assertEqual(compose_tags({"a": "", "b": "c d"}), r"@a;b=c\sd ")

    @given(st.dictionaries(st.from_regex("[+]?[a-z/-]{1,9}", fullmatch=True), TEXT))
    def test_round_trip(self, tags: dict[str, str]) -> None:
        """Tags that were written are read as they were, and hide no command."""
        line = compose_tags(tags) + compose("PING", ["x"])
        self.assertEqual(parse_tags(line), tags)
        self.assertEqual(parse(line), ("PING", ["x"]))


class MessageTests(SynchronousTestCase):
    """Messages of any length and kind as lines that fit."""

    def test_kinds(self) -> None:
        """A text is PRIVMSG, a notice NOTICE, an action CTCP."""
        for kind, line in {
            "text": b":a!b@c PRIVMSG #d :hi\r\n",
            "notice": b":a!b@c NOTICE #d :hi\r\n",
            "action": b":a!b@c PRIVMSG #d :\1ACTION hi\1\r\n",
        }.items():
            self.assertEqual(message_lines("a!b@c", "#d", "hi", kind), line)

    def test_lines_of_a_text(self) -> None:
        """Each line of a text is a message; empty ones can't be said."""
        self.assertEqual(
            message_lines("a", "#d", "\none\n\n two", "text"),
            b":a PRIVMSG #d :one\r\n:a PRIVMSG #d : two\r\n",
        )
        self.assertEqual(message_lines("a", "#d", "", "text"), b"")

    @given(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\0\1"), max_size=40),
        st.integers(1, 60),
        st.sampled_from(["text", "notice", "action"]),
    )
    def test_fits(self, text: str, times: int, kind: str) -> None:
        """Every line fits 512 bytes, is whole UTF-8, and together they say it all."""
        text *= times
        whole = message_lines("nick!account@relay", "#room", text, kind)
        said = ""
        for line in whole.split(b"\r\n")[:-1]:
            self.assertLessEqual(len(line) + 2, LINE_BYTES)
            _, (_, part) = parse(line.decode())
            said += part.removeprefix("\1ACTION ").removesuffix("\1")
        self.assertEqual(said, text.replace("\n", ""))

    def test_no_room_left(self) -> None:
        """Names that fill the line leave the text a character at a time, not none."""
        whole = message_lines("s" * 300, "#" + "t" * 300, "é🍵", "text")
        self.assertEqual(whole.count(b"\r\n"), 2)

    @given(st.text(st.characters(codec="utf-8")), st.integers(4, 9))
    def test_split(self, text: str, room: int) -> None:
        """Pieces are as full as characters allow, and nothing is between them."""
        pieces = split(text.encode(), room)
        self.assertEqual(b"".join(pieces).decode(), text)
        for piece, behind in pairwise(pieces):
            first = len(behind.decode()[0].encode())
            self.assertTrue(room - first < len(piece) <= room)
