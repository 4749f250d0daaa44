"""What a client writes down, one note at a time, in the order in which it happened.

A real process writes notes as JSON lines into a file; they are durable enough when the
kernel has them, for it is processes that are killed, and not the machine.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from msgspec import Struct

from relaychat.model.chain import body_digest
from relaychat.model.commands import Custom as CustomCommand
from relaychat.model.commands import Edit, React, Redact, Say
from relaychat.model.events import Custom, Edited, Reacted, Redacted, Said
from relaychat.model.names import fold
from relaychat.model.words import Word

# -- digests --------------------------------------------------------------------------


def fingerprint(body: bytes) -> int:
    """The digest of an event as it was read natively: a line without its end, which is
    what the log holds, byte by byte."""
    return int.from_bytes(body_digest(body)[:8], "big")


def asked(word: Word) -> int:
    """The digest of what was asked, but for the room: the same of a command that is
    sent and of the event that comes of it. 0 for what has no text of its own."""
    parts: tuple[object, ...]
    match word:
        case Say() | Said():
            parts = ("say", word.kind, word.text, word.reply)
        case Edit():
            parts = ("edit", word.seq, word.text, None)
        case Edited():
            parts = ("edit", word.target, word.text, None)
        case Redact():
            parts = ("redact", word.seq, word.reason, None)
        case Redacted():
            parts = ("redact", word.target, word.reason, None)
        case React():
            parts = ("react", word.seq, word.reaction, word.remove)
        case Reacted():
            parts = ("react", word.target, word.reaction, word.removed)
        case CustomCommand() | Custom():
            parts = ("custom", word.kind, word.value)
        case _:
            return 0
    return _digest("\0".join(map(str, parts)))


def heard(line: bytes) -> tuple[str, int] | None:
    """The room that a line of IRC tells something of, folded, and the digest of what it
    tells; None for a line that is no entry of a room's log. The line is without its
    end and its tags."""
    source, _, rest = line.decode("utf-8", "replace").partition(" ")
    verb, _, rest = rest.partition(" ")
    nick, mark, _ = source.removeprefix(":").partition("!")
    if verb not in _HEARD or not mark:
        return None
    room, _, text = rest.partition(" ")
    room = fold(room.removeprefix(":"))
    if not room.startswith("#"):
        return None
    return room, heard_from(nick, f"{verb} {text.removeprefix(':')}")


_HEARD = {"JOIN", "KICK", "NOTICE", "PART", "PRIVMSG", "TOPIC"}


def heard_from(nick: str, text: str) -> int:
    """The digest of a line of IRC. Of its 64 bits the first 16 are the nick's."""
    return _digest(nick, 2) << 48 | _digest(f"{nick} {text}", 6)


def same_nick(one: int, other: int) -> bool:
    """Whether these lines seem to come from the same nick."""
    return one >> 48 == other >> 48


def _digest(text: str, size: int = 8) -> int:
    found = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size)
    return int.from_bytes(found.digest(), "big")


# -- notes ----------------------------------------------------------------------------


class Note(Struct, frozen=True, omit_defaults=True, tag_field="word", gc=False):
    """One note of a journal. Times are microseconds on a clock that all journals
    share."""


class Client(Note, frozen=True, omit_defaults=True, tag="client", gc=False):
    """Who it is; again for each new nick. ``device`` is the secret of a hello."""

    nick: str
    account: str = ""
    device: str = ""


class Connected(Note, frozen=True, omit_defaults=True, tag="connected", gc=False):
    """A new connection. What is sent without a cid has its order within one only."""


class Invoked(Note, frozen=True, omit_defaults=True, tag="invoked", gc=False):
    """The first attempt to send something. ``op`` is new in this journal, or that of
    something which the client itself refused to send. A resend is the same op and is
    not written down."""

    op: int
    at_us: int
    room: str
    digest: int
    """See ``asked``."""
    cid: int | None = None


class Acked(Note, frozen=True, omit_defaults=True, tag="acked", gc=False):
    """It is kept, for good. Without a seq: surely kept, its place was not told."""

    op: int
    at_us: int
    room: str = ""
    epoch: str = ""
    """Empty where the client does not know it."""
    seq: int = 0


class Refused(Note, frozen=True, omit_defaults=True, tag="refused", gc=False):
    """It was refused for good, and is not in the log. What may be tried again is
    not written down."""

    op: int
    code: str = ""


class Started(Note, frozen=True, omit_defaults=True, tag="started", gc=False):
    """Reads a room from here on, the next entry being the one after ``seq``. A wire
    without seqs leaves them out: then it hears all that comes from now on."""

    room: str
    epoch: str = ""
    seq: int = 0


class Saw(Note, frozen=True, omit_defaults=True, tag="saw", gc=False):
    """Was shown an entry."""

    room: str
    epoch: str
    seq: int
    digest: int
    """See ``fingerprint``."""


class Heard(Note, frozen=True, omit_defaults=True, tag="heard", gc=False):
    """Was shown an entry on a wire without seqs."""

    room: str
    digest: int
    """See ``heard``."""


class Gapped(Note, frozen=True, omit_defaults=True, tag="gapped", gc=False):
    """Was told that entries are not shown: ``withheld``, or the reason of a gap. It
    goes on at ``last`` + 1 under ``epoch``."""

    room: str
    epoch: str
    first: int
    last: int
    reason: str


class Stopped(Note, frozen=True, omit_defaults=True, tag="stopped", gc=False):
    """Knows that it does not read the room any more: until it starts again it is shown
    nothing of it."""

    room: str


class Closed(Note, frozen=True, omit_defaults=True, tag="closed", gc=False):
    """This client is gone for good: nothing more is expected of it."""


AnyNote = (
    Client | Connected | Invoked | Acked | Refused | Started | Saw | Heard | Gapped
    | Stopped | Closed
)  # fmt: skip

decode = msgspec.json.Decoder(AnyNote).decode
encode = msgspec.json.Encoder().encode
"""A note as a line of JSON, without its end, and back."""
