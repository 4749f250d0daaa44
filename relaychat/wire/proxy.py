"""The header of the PROXY protocol, versions 1 and 2: who is at the other end of a
proxy.

It stands before everything else on a connection. ``read_header`` takes what has come so
far, and returns the header with its length, or None while it is not whole, or raises.
The protocol is HAProxy's (proxy-protocol.txt, sections 2.1 and 2.2)::

    PROXY TCP4 192.0.2.1 198.51.100.1 56324 6697\\r\\n

    signature (12 bytes) | version, command | family | length (2) | addresses | more

A header without an address (``UNKNOWN``, ``LOCAL``) is the proxy speaking for itself.
What version 2 adds behind the addresses is read for one thing: whether the client came
by TLS.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FIRST = b"PROXY "
LINE_BYTES = 107
"""The longest header of version 1, its CR LF counted (section 2.1)."""
BODY_BYTES = 4096
"""Behind the fixed part of version 2. The addresses take 36 at most; what proxies add
fits well, and nobody can have us keep 64 KiB for a header."""

_FIXED_BYTES = 16
_LOCAL, _PROXY = 0x20, 0x21
_TCP: dict[int, type[IPv4Address | IPv6Address]] = {
    0x11: IPv4Address,
    0x21: IPv6Address,
}
_UNTOLD = {0x00, 0x31}
"""Families without a network's address: not told, and a UNIX socket, which is on the
proxy's own machine."""
_SSL = 0x20
"""PP2_TYPE_SSL. Its first byte is a bit field; the lowest: the client uses TLS."""


class BadHeader(Exception):
    """What stands there is no header of a proxy; the text says what is wrong."""


class Header(NamedTuple):
    """Who is at the other end of a proxy."""

    host: str = ""
    """An address, or empty if the proxy speaks for itself."""
    port: int = 0
    secure: bool = False
    """The client came to the proxy by TLS."""


def read_header(data: bytes) -> tuple[Header, int] | None:
    """See the module. Raises BadHeader."""
    if data.startswith(FIRST[: len(data)]):
        return _line(data)
    if data.startswith(SIGNATURE[: len(data)]):
        return _binary(data)
    raise BadHeader("no header")


# -- version 1 -------------------------------------------------------------------------


def _line(data: bytes) -> tuple[Header, int] | None:
    end = data.find(b"\r\n", 0, LINE_BYTES)
    if end < 0:
        if len(data) >= LINE_BYTES:
            raise BadHeader("a line without an end")
        return None
    words = data[:end].decode("ascii", "replace").split(" ")
    if words[1] == "UNKNOWN":
        return Header(), end + 2
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise BadHeader("a line that is not understood")
    kind = IPv4Address if words[1] == "TCP4" else IPv6Address
    try:
        source, _ = kind(words[2]), kind(words[3])
    except ValueError:
        raise BadHeader("an address that is none") from None
    port, _ = _port(words[4]), _port(words[5])
    return Header(_text(source), port), end + 2


def _port(word: str) -> int:
    if not (word.isascii() and word.isdigit()) or int(word[:6]) > 0xFFFF:
        raise BadHeader("a port that is none")
    return int(word)


def _text(address: IPv4Address | IPv6Address) -> str:
    """An address as sockets show it; IPv4 in IPv6 is IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


# -- version 2 -------------------------------------------------------------------------


def _binary(data: bytes) -> tuple[Header, int] | None:
    if len(data) < _FIXED_BYTES:
        return None
    command, family, length = struct.unpack_from("!BBH", data, len(SIGNATURE))
    if command not in (_LOCAL, _PROXY):
        raise BadHeader("a version or a command that is not known")
    if length > BODY_BYTES:
        raise BadHeader("too long")
    end = _FIXED_BYTES + length
    if len(data) < end:
        return None
    if command == _LOCAL or family in _UNTOLD:
        return Header(), end
    return _addressed(family, data[_FIXED_BYTES:end]), end


def _addressed(family: int, body: bytes) -> Header:
    kind = _TCP.get(family)
    if kind is None:
        raise BadHeader("a family that is not known")
    size = 4 if kind is IPv4Address else 16
    if len(body) < 2 * size + 4:
        raise BadHeader("too short for its addresses")
    (port,) = struct.unpack_from("!H", body, 2 * size)
    secure = _came_by_tls(body[2 * size + 4 :])
    return Header(_text(kind(body[:size])), port, secure)


def _came_by_tls(more: bytes) -> bool:
    """What a list of types, lengths and values says of it. Ends with a broken one:
    whatever else is there does not matter here."""
    at = 0
    while at + 3 <= len(more):
        kind, length = struct.unpack_from("!BH", more, at)
        value = more[at + 3 : at + 3 + length]
        if kind == _SSL and value:
            return bool(value[0] & 1)
        at += 3 + length
    return False
