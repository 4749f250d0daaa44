"""Discovery datagrams: who is there? and the answer.

::

    magic "RLYC" | version 1 | kind | nonce (16 bytes) | body

A query (kind 1) is 1,200 bytes, its body zeros: who wants an answer has to spend as
much as the longest one costs. An answer (kind 2) repeats the nonce; its body is one
JSON object, and it is never longer than the query. What is odd in any way is no
datagram of ours: the readers return None, whatever they are given.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

QUERY_BYTES = 1200
"""Of every query, and the most of an answer: what fits into the least MTU of IPv6
(1,280 bytes) with its headers, so that nothing is ever cut in pieces."""
NONCE_BYTES = 16
MAGIC = b"RLYC"
VERSION = 1
QUERY, ANSWER = 1, 2
HEAD_BYTES = len(MAGIC) + 2 + NONCE_BYTES

_QUERY_HEAD = MAGIC + bytes((VERSION, QUERY))
_ANSWER_HEAD = MAGIC + bytes((VERSION, ANSWER))
_PADDING = bytes(QUERY_BYTES - HEAD_BYTES)

Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?\Z")]
Word = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.-]{1,32}\Z")]
Instance = Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
Fingerprint = Annotated[str, Meta(pattern=r"\A([0-9a-f]{64})?\Z")]
TITLE_CHARS = 128
Title = Annotated[str, Meta(min_length=1, max_length=TITLE_CHARS)]


class Door(Struct, frozen=True, omit_defaults=True):
    """Where a server is come in by."""

    dialect: Word
    """What is spoken there: ``native``, ``irc``, or a plugin's name."""
    host: Annotated[str, Meta(max_length=45)]
    """An IP address. The scope of a link-local one is the asker's to add."""
    port: Port
    tls: bool = False
    fingerprint: Fingerprint = ""
    """SHA-256 of the certificate, in hexadecimal; announced, so not to be trusted."""


class Load(Struct, frozen=True, omit_defaults=True):
    """How much a server has to do, and how much room."""

    sessions: Count = 0
    """Connections that it has."""
    capacity: Count = 0
    """Connections that it takes at most; 0 for no limit."""
    free_bytes: Count = 0
    """Free disk where its log is."""


class Room(Struct, frozen=True):
    """A public room."""

    room: Title
    members: Count


class Answer(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a server says of itself."""

    name: Name
    """What the server calls itself."""
    instance: Instance
    """Drawn at each start: the same over all ways to one server."""
    at: Count
    """Its clock, milliseconds since 1970 (UTC)."""
    doors: tuple[Door, ...] = ()
    """Those that can be reached from where it was asked."""
    load: Load = Load()
    rooms: tuple[Room, ...] = ()
    """Public rooms, the fullest first, as far as they fit."""
    more: Count = 0
    """Public rooms beside these."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


def query(nonce: bytes) -> bytes:
    """The datagram that asks, with 16 unpredictable bytes."""
    return _QUERY_HEAD + nonce + _PADDING


def read_query(data: bytes) -> bytes | None:
    """The nonce of a query; None for what is none. What comes in a flood is seen to be
    none by its length or its first bytes."""
    if len(data) != QUERY_BYTES or not data.startswith(_QUERY_HEAD):
        return None
    return data[6:HEAD_BYTES] if data.endswith(_PADDING) else None


def answer(nonce: bytes, said: Answer) -> bytes:
    """The datagram that answers a query: with as many of its rooms, and of its doors,
    as fit."""
    fitting = _fit(said, QUERY_BYTES - HEAD_BYTES)
    return _ANSWER_HEAD + nonce + _encode(fitting)


def _fit(said: Answer, most_bytes: int) -> Answer:
    """The same with fewer rooms, and if need be with fewer doors."""
    doors, rooms = said.doors, said.rooms
    whole = said.more + len(rooms)
    # As if none were told: "more" is longest then, and "rooms" is reckoned below.
    bare = replace(said, rooms=(), more=whole)
    while doors and len(_encode(bare)) > most_bytes:
        doors = doors[:-1]
        bare = replace(bare, doors=doors)
    left = most_bytes - len(_encode(bare)) - len(b'"rooms":[],')
    told = []
    for room in filter(_is_presentable, rooms):
        left -= len(_encode(room)) + len(b",")
        if left < 0:
            break
        told.append(room)
    return replace(bare, rooms=tuple(told), more=whole - len(told))


def read_answer(data: bytes) -> tuple[bytes, Answer] | None:
    """The nonce and the content of an answer; None for what is none. Fields that are
    not known are passed over: a newer server may say more."""
    if not HEAD_BYTES < len(data) <= QUERY_BYTES or not data.startswith(_ANSWER_HEAD):
        return None
    try:
        said = _decode(data[HEAD_BYTES:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return (data[6:HEAD_BYTES], said) if _makes_sense(said) else None


def _makes_sense(said: Answer) -> bool:
    """What types alone can't tell."""
    hosts = (door.host for door in said.doors)
    return all(map(is_address, hosts)) and all(map(_is_presentable, said.rooms))


def _is_presentable(room: Room) -> bool:
    """Whether a room's name may be shown on a terminal as it is."""
    return room.room.isprintable() and 0 < len(room.room) <= TITLE_CHARS


def is_address(host: str) -> bool:
    """Whether somebody may be there: no name (nobody has looked it up), no scope, no
    group, and no IPv4 address in IPv6's clothes, which may be anything."""
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    mapped = ip.version == 6 and ip.ipv4_mapped is not None
    return not (ip.is_multicast or ip.is_unspecified or mapped or "%" in host)
