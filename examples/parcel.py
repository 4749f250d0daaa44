"""PARCEL, a binary protocol with a handshake: other than lines, and no more than that.

::

    frame   = size kind body     ; size: 16 bits, big-endian, of kind and body
    kind    = 8 bits, see Kind
    name    = size UTF-8         ; size: 8 bits

    peer                                     relay
    VERSION the versions that it speaks  ->
                                         <-  VERSION the highest that both do
    HELLO   nick                         ->
                                         <-  WELCOME nick
    JOIN    room                         ->
    SAY     name(room) text              ->
                                         <-  SAID    name(room) name(sender) text
                                         <-  FAULT   name(code) text

Listen with ``dialect = "parcel:Parcel"``.
"""

import struct
from enum import IntEnum

from relaychat.extend import Dialect, DialectPlugin, commands, errors, events, render

VERSIONS = {1}
LIMIT_BYTES = 4096
"""A frame of the peer's, without its size. Those of the relay may have all 16 bits: a
message comes from anywhere."""


class Kind(IntEnum):
    VERSION = 1
    HELLO = 2
    WELCOME = 3
    JOIN = 4
    SAY = 5
    SAID = 6
    FAULT = 7


class Frames:
    """Cuts the stream where the sizes say. It never raises: an error is a frame."""

    def __init__(self) -> None:
        self.held = b""

    def feed(self, data: bytes) -> list[bytes | errors.RelayError]:
        data, at = self.held + data, 0
        frames: list[bytes | errors.RelayError] = []
        while len(data) - at >= 2:
            (size,) = struct.unpack_from(">H", data, at)
            if not 0 < size <= LIMIT_BYTES:
                # Behind this, nobody knows where a frame begins.
                text = f"a frame has 1 to {LIMIT_BYTES} bytes"
                return [*frames, errors.ProtocolBroken(text)]
            if len(data) - at < 2 + size:
                break
            frames.append(data[at + 2 : at + 2 + size])
            at += 2 + size
        self.held = data[at:]
        return frames


class Parcel(Dialect):
    name = "parcel"
    text = False
    version = None

    def framer(self):
        return Frames()

    def decode(self, frame):
        kind, body = frame[0], frame[1:]
        if (kind == Kind.VERSION) == (self.version is not None):
            raise errors.OutOfOrder("the versions come first, and once")
        match kind:
            case Kind.VERSION:
                return self.words(self.agree(set(body)))
            case Kind.HELLO:
                return [commands.Hello(utf8(body))]
            case Kind.JOIN:
                return [commands.Join(utf8(body))]
            case Kind.SAY:
                room, said = part(body)
                return [commands.Say(utf8(room), utf8(said))]
        raise errors.UnknownCommand(f"no such kind: {kind}")

    def agree(self, theirs: set[int]) -> bytes:
        common = VERSIONS & theirs
        if not common:
            spoken = ", ".join(map(str, sorted(VERSIONS)))
            raise errors.ProtocolBroken(f"these versions are spoken: {spoken}")
        self.version = max(common)
        return frame(Kind.VERSION, bytes([self.version]))

    @render(events.Welcome)
    def welcome(self, welcome):
        return frame(Kind.WELCOME, welcome.nick.encode())

    @render(events.Said)
    def said(self, said):
        names = name(said.room) + name(said.sender)
        return frame(Kind.SAID, names + said.text.encode())

    @render(events.Fault, events.Goodbye)
    def fault(self, fault):
        return frame(Kind.FAULT, name(fault.code) + fault.text.encode())


def frame(kind: Kind, body: bytes) -> bytes:
    return struct.pack(">HB", 1 + len(body), kind) + body


def name(text: str) -> bytes:
    data = text.encode()[:255]  # No nick, room or code is so long.
    return bytes([len(data)]) + data


def part(body: bytes) -> tuple[bytes, bytes]:
    """A name, and what is behind it."""
    size = body[0] if body else 0
    if len(body) <= size:
        raise errors.BadSyntax("the frame ends within a name")
    return body[1 : 1 + size], body[1 + size :]


def utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise errors.BadSyntax("a text is not UTF-8") from None


parcel = DialectPlugin(Parcel)
