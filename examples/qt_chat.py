"""Qt's network-chat example as a dialect: who runs it on the network is in a room.

Its peers find one another by datagrams and connect each to each. The relay says that it
is one of them (``qt_beacon.py``), waits for the others to come, and brings all of them
into one room. They see its people as one participant, who says ``ann: hello``.

A stream is one CBOR array (RFC 8949) that stays open, of maps with one entry each::

    stream = [_ greeting, * item]
    item   = {0: text} / {1: null} / {2: null} / {3: text}
             message     ping        pong        greeting: the name of the user

With this file beside the configuration::

    [[listen]]
    dialect = "qt_chat:QtChat"
    endpoint = "tcp:45001:interface=0.0.0.0"

    [extension.qt-chat]
    room = "#office"
"""

import re
import struct
from collections.abc import Generator
from typing import TypeVar

from relaychat.extend import (
    Dialect,
    DialectPlugin,
    Settings,
    commands,
    errors,
    events,
    render,
)  # fmt: skip

NAMESAKES = 20
"""Users of one name that there may be."""
LIMIT_BYTES = 64 * 1024
"""Of a text that comes. The relay takes half of it; who sends more is no chat."""
MESSAGE, PING, PONG, GREETING = range(4)
END = 255
"""The kind of the frame that stands for the end of the array."""


class Where(Settings, frozen=True):
    room: str = "#lan"
    """The room that all are brought into."""


class QtChat(Dialect):
    name = "qt-chat"
    settings = Where()
    text = False
    echo = False  # They show themselves what they say.
    user = ""
    namesakes = 0

    def framer(self):
        return Items()

    def decode(self, frame):
        kind, text = frame[0], frame[1:].decode(errors="replace")
        if not self.user and kind != GREETING:
            raise errors.ProtocolBroken("the greeting comes first")
        if kind == GREETING and not self.user:
            self.user = nick_like(text)
            return self.words([greeting(self.session.server), self.hello()])
        asked = {
            MESSAGE: commands.Say(self.settings.room, text.replace("\r", "")),
            PING: commands.Ping(),
            PONG: commands.Pong(),
            END: commands.Bye(),
        }
        return [asked[kind]] if kind in asked else ()

    def hello(self) -> commands.Hello:
        self.namesakes += 1
        suffix = f"-{self.namesakes}" if self.namesakes > 1 else ""
        return commands.Hello(self.user + suffix)

    @render(events.Welcome)
    def welcome(self, welcome):
        self.session.ask(commands.Join(self.settings.room))

    @render(events.Said)
    def said(self, said):
        who = f"{said.sender}, privately" if said.to else said.sender
        # Nobody is to look like somebody else from the second line on.
        return item(MESSAGE, f"{who}: {said.text}".replace("\n", "\n    "))

    @render(events.Joined)
    def joined(self, joined):
        return item(MESSAGE, f"{joined.sender} has come")

    @render(events.Left)
    def left(self, left):
        return item(MESSAGE, f"{left.sender} has left")

    @render(events.Pinged)
    def pinged(self, pinged):
        return item(PING)

    @render(events.Ponged)
    def ponged(self, ponged):
        return item(PONG)

    @render(events.Fault)
    def fault(self, fault):
        if fault.command == "hello":
            again = fault.code == errors.NickInUse.code and self.namesakes < NAMESAKES
            self.session.ask(self.hello() if again else commands.Bye())
            return None if again else item(MESSAGE, fault.text)
        return item(MESSAGE, f"({fault.text})")

    @render(events.Goodbye)
    def goodbye(self, goodbye):
        return item(MESSAGE, goodbye.text) + ARRAY_END


def nick_like(user: str) -> str:
    """A nick for a user name of any system."""
    plain = re.sub("[^A-Za-z0-9_-]+", "-", user).strip("-")
    return (plain if plain[:1].isalpha() else f"qt-{plain}")[:24].rstrip("-")


# -- CBOR: as much of it as there is --------------------------------------------------

UNSIGNED, STRING, LIST, MAP, SIMPLE = 0, 3, 4, 5, 7
NULL = 22
ARRAY_BEGIN, ARRAY_END = b"\x9f", b"\xff"
UNTIL_BREAK = -1
"""The length of what has none, and the value of the break that ends it."""


def item(kind: int, text: str | None = None) -> bytes:
    """A map of one entry, in bytes."""
    head = bytes([MAP << 5 | 1, kind])
    if text is None:
        return head + bytes([SIMPLE << 5 | NULL])
    data = text.encode()
    return head + struct.pack(">BI", STRING << 5 | 26, len(data)) + data


def greeting(name: str) -> bytes:
    return ARRAY_BEGIN + item(GREETING, name)


T = TypeVar("T")
Wanting = Generator[int, bytes, T]
"""Yields how many bytes it wants next, and is sent them."""


class Items:
    """Cuts the stream into frames: a byte of kind, and the text in UTF-8."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.frames: list[bytes | errors.RelayError] = []
        self.parser = self.stream()
        self.wanted = next(self.parser)

    def feed(self, data: bytes) -> list[bytes | errors.RelayError]:
        self.held += data
        try:
            while len(self.held) >= self.wanted:
                piece = bytes(self.held[: self.wanted])
                del self.held[: self.wanted]
                self.wanted = self.parser.send(piece)
        except errors.ProtocolBroken as error:
            self.frames.append(error)
        except StopIteration:
            self.held.clear()  # The end was before.
        frames, self.frames = self.frames, []
        return frames

    def stream(self) -> Wanting[None]:
        check((yield from self.head()) == (LIST, UNTIL_BREAK))
        while (head := (yield from self.head())) != (SIMPLE, UNTIL_BREAK):
            check(head == (MAP, 1))
            major, kind = yield from self.head()
            check(major == UNSIGNED and kind < END)
            text = yield from self.payload()
            self.frames.append(bytes([kind]) + text)
        self.frames.append(bytes([END]))

    def payload(self) -> Wanting[bytes]:
        """A text, in one or in chunks, or null."""
        major, size = yield from self.head()
        if (major, size) == (SIMPLE, NULL):
            return b""
        if (major, size) != (STRING, UNTIL_BREAK):
            return (yield from self.string(major, size, LIMIT_BYTES))
        chunks = bytearray()
        while (head := (yield from self.head())) != (SIMPLE, UNTIL_BREAK):
            chunks += yield from self.string(*head, LIMIT_BYTES - len(chunks))
        return bytes(chunks)

    def string(self, major: int, size: int, limit: int) -> Wanting[bytes]:
        check(major == STRING and 0 <= size <= limit)
        return (yield size) if size else b""

    def head(self) -> Wanting[tuple[int, int]]:
        """The major type of an item, and its value or length."""
        (first,) = yield 1
        major, value = divmod(first, 32)
        if value < 24:
            return major, value
        if value == 31:
            return major, UNTIL_BREAK
        check(value < 28 and major != SIMPLE)
        return major, int.from_bytes((yield 1 << value - 24))


def check(right: bool) -> None:
    if not right:
        raise errors.ProtocolBroken("this is not what network-chat says")


qt_chat = DialectPlugin(QtChat)
