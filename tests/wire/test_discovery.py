"""Discovery datagrams: what is written is read, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.datagrams import GROUP_4, GROUP_6, PORT
from relaychat.net.discovery import Rates
from relaychat.wire.discovery import (
    ANSWER,
    HEAD_BYTES,
    MAGIC,
    NONCE_BYTES,
    QUERY,
    QUERY_BYTES,
    VERSION,
    Answer,
    Door,
    Load,
    Room,
    answer,
    query,
    read_answer,
    read_query,
)
from tests.session.test_protocol import fields_of, tables

NONCE = bytes(range(NONCE_BYTES))
DOOR = Door("native", "192.0.2.7", 7601, True, "ab" * 32)
SMALL = Answer(name="tea.example", instance="0123456789abcdef", at=1, doors=(DOOR,))

counts = st.integers(0, 2**53 - 1)
doors = st.builds(
    Door,
    st.from_regex(r"\A[a-z0-9_.-]{1,32}\Z"),
    st.sampled_from(["192.0.2.7", "fe80::1", "2001:db8::77", "127.0.0.1"]),
    st.integers(1, 65535),
    st.booleans(),
    st.sampled_from(["", "ab" * 32]),
)
titles = st.text(min_size=1, max_size=64).filter(str.isprintable)
answers = st.builds(
    Answer,
    name=st.from_regex(r"\A[a-z][a-z0-9.-]{0,61}[a-z]\Z"),
    instance=st.from_regex(r"\A[0-9a-f]{16}\Z"),
    at=counts,
    doors=st.lists(doors, max_size=12).map(tuple),
    load=st.builds(Load, counts, counts, counts),
    rooms=st.lists(st.builds(Room, titles, counts), max_size=60).map(tuple),
    more=st.integers(0, 10**6),
)
nonces = st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)


class QueryTests(SynchronousTestCase):
    @given(nonces)
    def test_round_trip(self, nonce: bytes) -> None:
        """A query is 1,200 bytes and holds its nonce."""
        self.assertEqual(len(query(nonce)), QUERY_BYTES)
        self.assertEqual(read_query(query(nonce)), nonce)

    def test_one_odd_byte(self) -> None:
        """Outside the nonce, a single other byte makes it no query."""
        good = query(NONCE)
        for at in [*range(6), HEAD_BYTES, 700, QUERY_BYTES - 1]:
            odd = bytearray(good)
            odd[at] ^= 1
            self.assertIsNone(read_query(bytes(odd)), at)

    def test_length(self) -> None:
        """Nor is what is longer, shorter, or nothing."""
        good = query(NONCE)
        for odd in (good[:-1], good + b"\0", good[:HEAD_BYTES], b""):
            self.assertIsNone(read_query(odd))

    @given(st.binary(max_size=1400))
    def test_anything(self, data: bytes) -> None:
        """Whatever comes, reading raises nothing."""
        self.assertIsNone(read_query(data))
        self.assertIsNone(read_answer(data))


class AnswerTests(SynchronousTestCase):
    @given(nonces, answers)
    def test_never_longer_than_the_query(self, nonce: bytes, said: Answer) -> None:
        """What does not fit is left out: rooms first, counted; then doors. All that
        was left in is read as it was said."""
        data = answer(nonce, said)
        self.assertLessEqual(len(data), len(query(nonce)))
        found = read_answer(data)
        assert found is not None
        self.assertEqual(found[0], nonce)
        heard = found[1]
        self.assertEqual(
            (heard.name, heard.instance, heard.at, heard.load),
            (said.name, said.instance, said.at, said.load),
        )
        told = len(heard.rooms)
        self.assertEqual(heard.rooms, said.rooms[:told])
        self.assertEqual(heard.more, said.more + len(said.rooms) - told)
        self.assertEqual(heard.doors, said.doors[: len(heard.doors)])

    def test_room_for_rooms(self) -> None:
        """A usual server has room for more than twenty of its rooms."""
        rooms = tuple(Room(f"#room-{number}", 12) for number in range(200))
        found = read_answer(answer(NONCE, msgspec.structs.replace(SMALL, rooms=rooms)))
        assert found is not None
        self.assertGreater(len(found[1].rooms), 20)
        self.assertEqual(found[1].more + len(found[1].rooms), 200)

    def test_names_that_nobody_shows(self) -> None:
        """A room whose name is no text for a terminal is counted and not named: it
        would cost the whole answer."""
        odd = (Room("#a\u200b", 9), Room("#" + "x" * 128, 8), Room("#tea", 7))
        found = read_answer(answer(NONCE, msgspec.structs.replace(SMALL, rooms=odd)))
        assert found is not None
        self.assertEqual((found[1].rooms, found[1].more), ((Room("#tea", 7),), 2))

    def test_newer_servers_may_say_more(self) -> None:
        """Unknown fields are passed over."""
        data = answer(NONCE, SMALL)[:-1] + b',"motto":"tea"}'
        self.assertEqual(read_answer(data), (NONCE, SMALL))

    def test_odd_ones(self) -> None:
        """What is out of bounds anywhere is no answer."""
        body = answer(NONCE, SMALL)[HEAD_BYTES:]
        for good, odd in [
            (b'"tea.example"', b'"tea example"'),
            (b'"tea.example"', b'"tea.example\\n"'),
            (b'"0123456789abcdef"', b'"0123456789ABCDEF"'),
            (b'"at":1', b'"at":-1'),
            (b'"at":1', b'"at":1.5'),
            (b'"at":1', b'"at":9007199254740992'),
            (b'"at":1', b'"at":true'),
            (b"7601", b"0"),
            (b"7601", b"65536"),
            (b"192.0.2.7", b"tea.example"),
            (b"192.0.2.7", b"fe80::1%eth0"),
            (b"192.0.2.7", b"224.0.0.1"),
            (b"192.0.2.7", b"0.0.0.0"),
            (b"192.0.2.7", b"::ffff:127.0.0.1"),
            (b'"native"', b'"nat ive"'),
            (b"abab", b"xyxy"),
            (b'"doors":[', b'"rooms":[{"room":"#\\u001b[2J","members":1}],"doors":['),
            (b'"doors":[', b'"rooms":[{"room":"","members":1}],"doors":['),
            (b'"doors":[', b'"doors":[' + b"[" * 500),
            (b"tea", b"\xff\xfe\xfd"),
            (b"}", b""),
        ]:
            self.assertIn(good, body)
            data = answer(NONCE, SMALL)[:HEAD_BYTES] + body.replace(good, odd, 1)
            self.assertIsNone(read_answer(data), odd)

    def test_kinds(self) -> None:
        """A query is no answer, an answer no query, another version neither."""
        self.assertIsNone(read_answer(query(NONCE)))
        data = answer(NONCE, SMALL)
        self.assertIsNone(read_query(data))
        self.assertIsNone(read_answer(data[:4] + b"\2" + data[5:]))
        self.assertIsNone(read_answer(data + b" " * QUERY_BYTES))


class PageTests(SynchronousTestCase):
    """``docs/datagrams.md`` held against the code."""

    page = (Path(__file__).parents[2] / "docs" / "datagrams.md").read_text("utf-8")

    def test_fields(self) -> None:
        """Each Struct has its table, with exactly its fields."""
        found = dict(tables(self.page))
        kinds: dict[str, type[msgspec.Struct]] = {
            "the answer": Answer, "door": Door, "load": Load, "room": Room,
        }  # fmt: skip
        self.assertEqual(set(found), set(kinds))
        for name, kind in kinds.items():
            self.assertEqual(found[name], fields_of(kind), name)

    def test_numbers(self) -> None:
        """Lengths, kinds, addresses and rates are the code's."""
        self.assertIn(f"| query | {VERSION} | {QUERY} | {QUERY_BYTES} |", self.page)
        self.assertIn(f"| answer | {VERSION} | {ANSWER} | {QUERY_BYTES} at", self.page)
        self.assertIn(f'"{MAGIC.decode()}"', self.page)
        self.assertIn(f"Port {PORT},", self.page)
        self.assertIn(f"`{GROUP_4}`", self.page)
        self.assertIn(f"`{GROUP_6}`", self.page)
        self.assertEqual((Rates().per_address_per_s, Rates().all_per_s), (10, 100))

    def test_example(self) -> None:
        """The object that it shows is an answer."""
        (example,) = re.findall(r"```json\n(.*?)\n```", self.page, re.S)
        data = answer(NONCE, SMALL)[:HEAD_BYTES] + example.encode()
        found = read_answer(data)
        assert found is not None
        self.assertEqual(found[1].rooms, (Room("#tea", 3),))
