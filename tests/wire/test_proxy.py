"""The PROXY protocol's header."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from relaychat.wire.proxy import (
    BODY_BYTES,
    LINE_BYTES,
    SIGNATURE,
    BadHeader,
    Header,
    read_header,
)

FOUR = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 6697\r\n"
SIX = b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 6697\r\n"
ANN = Header("192.0.2.1", 56324)


def binary(command: int, family: int, body: bytes) -> bytes:
    """A header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


def addresses(source: str, target: str, *ports: int) -> bytes:
    """Two addresses and two ports."""
    kind = socket.AF_INET6 if ":" in source else socket.AF_INET
    packed = [socket.inet_pton(kind, one) for one in (source, target)]
    return b"".join(packed) + struct.pack("!HH", *ports)


def tlv(kind: int, value: bytes) -> bytes:
    """A type, a length and a value."""
    return struct.pack("!BH", kind, len(value)) + value


BODY = addresses("192.0.2.1", "198.51.100.1", 56324, 6697)
BINARY = binary(0x21, 0x11, BODY)
GOOD = (
    (FOUR, ANN),
    (SIX, Header("2001:db8::1", 56324)),
    (b"PROXY UNKNOWN\r\n", Header()),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", Header()),
    (b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 56324 6697\r\n", ANN),
    (BINARY, ANN),
    (
        binary(0x21, 0x21, addresses("2001:db8::1", "2001:db8::2", 56324, 6697)),
        Header("2001:db8::1", 56324),
    ),
    (binary(0x20, 0x11, BODY), Header()),
    (binary(0x20, 0x00, b""), Header()),
    (binary(0x21, 0x00, b""), Header()),
    (binary(0x21, 0x31, bytes(216)), Header()),
)


class GoodTests(SynchronousTestCase):
    """Headers that are understood."""

    def test_whole(self) -> None:
        """Who it is, and where the header ends: what follows is not touched."""
        for data, header in GOOD:
            self.assertEqual(read_header(data + b"NICK ann"), (header, len(data)))

    def test_in_pieces(self) -> None:
        """Any part of a header waits for the rest."""
        for data, header in GOOD:
            for end in range(len(data)):
                self.assertIsNone(read_header(data[:end]), data[:end])
            self.assertEqual(read_header(data), (header, len(data)))

    def test_tls(self) -> None:
        """What a proxy adds is skipped, but for whether the client came by TLS."""
        name, ssl = tlv(0x02, b"chat.test"), tlv(0x20, b"\x01\0\0\0\0")
        for more, secure in (
            (b"", False), (name, False), (ssl, True), (name + ssl, True),
            (tlv(0x20, b"\x00\0\0\0\0"), False), (tlv(0x20, b""), False),
            (b"\x20\0", False), (b"\x02\xff\xff" + ssl, False),
        ):  # fmt: skip
            data = binary(0x21, 0x11, BODY + more)
            expected = ANN._replace(secure=secure), len(data)
            self.assertEqual(read_header(data), expected)


class BadTests(SynchronousTestCase):
    """What is no header is refused, as soon as it can be known."""

    def test_bad(self) -> None:
        """Each kind, with words for it."""
        for data, words in (
            (b"N", "no header"),
            (b"NICK ann\r\n", "no header"),
            (b"\x16\x03\x01", "no header"),
            (b"PROXX", "no header"),
            (SIGNATURE[:5] + b"x", "no header"),
            (b"PROXY " + b"x" * (LINE_BYTES - 6), "without an end"),
            (b"PROXY \r\n", "not understood"),
            (b"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", "not understood"),
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n", "not understood"),
            (b"PROXY TCP4 192.0.2.1  198.51.100.1 1 2\r\n", "not understood"),
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n", "not understood"),
            (b"PROXY TCP4 ::1 ::2 1 2\r\n", "an address"),
            (b"PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n", "an address"),
            (b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n", "an address"),
            (b"PROXY TCP4 192.0.2.1 \xff 1 2\r\n", "an address"),
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 65536 2\r\n", "a port"),
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n", "a port"),
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 1 \r\n", "a port"),
            (binary(0x11, 0x11, BODY), "a version"),
            (binary(0x22, 0x11, BODY), "a version"),
            (binary(0x21, 0x12, BODY), "a family"),
            (binary(0x21, 0x11, BODY[:-1]), "too short"),
            (binary(0x21, 0x21, BODY), "too short"),
            (binary(0x21, 0x11, bytes(BODY_BYTES + 1)), "too long"),
        ):  # fmt: skip
            error = self.assertRaises(BadHeader, read_header, data)
            self.assertIn(words, str(error), data)

    def test_too_long_at_once(self) -> None:
        """A length beyond all need is refused before anything of it came."""
        head = SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 0xFFFF)
        self.assertRaises(BadHeader, read_header, head)

    @given(st.binary(max_size=300))
    def test_anything(self, data: bytes) -> None:
        """Whatever comes is a header, a part of one, or no header."""
        for start in (b"", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"):
            try:
                found = read_header(start + data)
            except BadHeader:
                continue
            if found is not None:
                self.assertLessEqual(found[1], len(start + data))
