"""The client's half of the native wire: commands become lines, lines become events."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from relaychat.model import accounts, events
from relaychat.model.commands import Command
from relaychat.model.words import Word

LINE_LIMIT_BYTES = 4 * 1024 * 1024
"""The longest line that is taken from a server. A room with 2,000 members is shown in
about 200 KB, a page of history in about 100."""

_SPOKEN = (
    accounts.Challenge | accounts.TokenMade | accounts.TokenList | accounts.DeviceList
    | accounts.CertificateList | accounts.AccountList | accounts.ResetMade
    | accounts.TicketMade | accounts.TicketList |
    events.AnyLogEvent | events.UserAway | events.UserPresence | events.Typing
    | events.Welcome | events.Done | events.Fault | events.RoomShown | events.RoomList
    | events.MemberList | events.WhoIs | events.Page | events.Withheld | events.Gap
    | events.Resumed | events.Marked | events.Invitation
    | events.Pinged | events.Ponged | events.Goodbye | events.StatusReport
    | events.SessionList | events.Reloaded | events.Called | events.CallList
)  # fmt: skip

_decode: Callable[[bytes], Word] = msgspec.json.Decoder(_SPOKEN).decode
_encoder = msgspec.json.Encoder()


class Unknown(msgspec.Struct, frozen=True):
    """A word of a newer server. With ``room`` and ``seq`` it is an entry of a log, and
    counts in the room's sequence although nobody here can read it."""

    type: str
    room: str = ""
    seq: int = 0


_decode_unknown = msgspec.json.Decoder(Unknown).decode
_KNOWN = frozenset(kind.__struct_config__.tag for kind in _SPOKEN.__args__)


class Unreadable(Exception):
    """The server sent what is no line of the protocol."""


def line(command: Command) -> bytes:
    """The line that asks for something."""
    return written(command) + b"\n"


def written(word: Word) -> bytes:
    """What stands on the line that says this."""
    return _encoder.encode(word)


def read(raw: bytes) -> Word | Unknown:
    """What a line says. Raises Unreadable."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        try:
            unknown = _decode_unknown(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            unknown = None
        if unknown is None or unknown.type in _KNOWN:
            raise Unreadable(f"{error}: {raw[:80]!r}") from None
        return unknown


class LineBuffer:
    """Cuts the server's stream into lines."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete. Raises Unreadable for an endless one."""
        first, *rest = data.split(b"\n")
        self._held.append(first)
        self._size += len(first)
        if not rest:
            if self._size > LINE_LIMIT_BYTES:
                raise Unreadable("a line without end")
            return []
        lines = [b"".join(self._held), *rest[:-1]]
        self._held, self._size = [rest[-1]], len(rest[-1])
        return [one for one in lines if one]
