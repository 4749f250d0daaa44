"""What one client has seen: the checker's witness.

A client, simulated or real, writes down what it asked, what it was answered and what it
was shown, one word at a time, in the order in which it happened. A real process writes
the words as JSON lines into a file; they are durable enough when the kernel has them,
for it is the server that is killed.

A journal keeps its words in columns: eight bytes for an entry that was shown.

::

    journal = Journal("ann's laptop")
    journal.add(Client("ann", account="ann", device=secret))
    journal.add(Invoked(1, now_us, "#tea", asked(say), cid=1))
    journal.add(Started("#tea", room.epoch, room.seq))
    journal.add(Saw("#tea", room.epoch, 2, fingerprint(line)))
    journal.add(Acked(1, now_us, "#tea", room.epoch, 2))
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from relaychat.model.chain import body_digest
from relaychat.model.commands import Edit, React, Redact, Say
from relaychat.model.events import Edited, Reacted, Redacted, Said
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
        case _:
            return 0
    return _digest("\0".join(map(str, parts)))


def heard(line: bytes) -> tuple[str, int] | None:
    """The room that a line of IRC tells something of, folded, and the digest of what it
    tells; None for a line that is no entry of a room's log. The line is without its
    end and its tags."""
    source, _, rest = line.decode("utf-8", "replace").partition(" ")
    verb, _, rest = rest.partition(" ")
    nick, mark, _ = source.partition("!")
    if verb not in _HEARD or not mark:
        return None
    room, _, text = rest.partition(" ")
    room = fold(room.removeprefix(":"))
    if not room.startswith("#"):
        return None
    return room, _digest("\0".join((verb, nick, text.removeprefix(":"))))


_HEARD = {"JOIN", "KICK", "NOTICE", "PART", "PRIVMSG", "TOPIC"}


def _digest(text: str) -> int:
    found = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(found.digest(), "big")


# -- words ----------------------------------------------------------------------------


class Note(Struct, frozen=True, omit_defaults=True, tag_field="word", gc=False):
    """One word of a journal. Times are microseconds on a clock that all journals
    share."""


class Client(Note, frozen=True, omit_defaults=True, tag="client", gc=False):
    """Who it is; again for each new nick. ``device`` is the secret of a hello."""

    nick: str
    account: str = ""
    device: str = ""


class Connected(Note, frozen=True, omit_defaults=True, tag="connected", gc=False):
    """A new connection. What is sent without a cid has its order within one only."""


class Invoked(Note, frozen=True, omit_defaults=True, tag="invoked", gc=False):
    """The first attempt to send something; ``op`` is new in this journal. A resend is
    the same op and is not written down."""

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

_decode = msgspec.json.Decoder(AnyNote).decode
encode = msgspec.json.Encoder().encode
"""A word as a line of JSON, without its end."""


# -- the journal ----------------------------------------------------------------------


class Op(Struct, gc=False):
    """Something that was sent, and what became of it."""

    op: int
    at_us: int
    room: str
    digest: int
    cid: int | None
    connection: int
    acked_us: int = -1
    """-1: not acknowledged."""
    acked_room: str = ""
    epoch: str = ""
    seq: int = 0
    refused: bool = False

    @property
    def acked(self) -> bool:
        """Whether it was acknowledged."""
        return self.acked_us >= 0


class Run(Struct, gc=False):
    """Entries that were shown one after the other: ``first``, and the digests."""

    first: int
    cause: str
    """Why it is a run of its own: ``started``, ``jumped`` (an entry came that is not
    the next one), ``unasked`` (after Stopped)."""
    digests: array[int]

    @property
    def last(self) -> int:
        """The seq of its last entry."""
        return self.first + len(self.digests) - 1


class Stream(Struct, gc=False):
    """What was read of a room of one epoch."""

    runs: list[Run] = []
    gaps: list[Gapped] = []
    """Those that left out a part of this very log."""
    seq: int = 0
    """How far it was read."""


class Stay(Struct, gc=False):
    """What was heard on a wire without seqs, from start to stop."""

    heard: array[int]
    over: bool = False


class Journal:
    """The words of one client, in columns. ``name`` is for messages."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.account = ""
        """Folded; empty for a guest."""
        self.nicks: list[str] = []
        """Folded, all that it has had."""
        self.device = ""
        self.ops: dict[int, Op] = {}
        self.strange: list[str] = []
        """Words that make no sense, such as the answer to nothing."""
        self.streams: dict[tuple[str, str], Stream] = {}
        """By room, folded, and epoch."""
        self.reading: dict[str, str] = {}
        """Rooms that it reads at the end, and their epochs."""
        self.stays: dict[str, list[Stay]] = {}
        """By room, folded: what was heard without seqs."""
        self.closed = False
        self.connections = 0
        self._folded: dict[str, str] = {}
        self._add: dict[type[Note], Callable[[Any], None]] = {
            Client: self._client, Connected: self._connected, Invoked: self._invoked,
            Acked: self._acked, Refused: self._refused, Started: self._started,
            Saw: self._saw, Heard: self._heard, Gapped: self._gapped,
            Stopped: self._stopped, Closed: self._closed,
        }  # fmt: skip

    def add(self, note: Note) -> None:
        """One more word."""
        self._add[type(note)](note)

    def read(self, lines: Iterable[bytes]) -> None:
        """Words that a process wrote as lines of JSON. The last one may be torn, where
        the process was killed."""
        before: bytes | None = None
        for line in lines:
            if before is not None:
                self.add(_decode(before))
            before = line
        if before is not None and before.endswith(b"\n"):
            self.add(_decode(before))

    # -- who, and what it sent ---------------------------------------------------------

    def _client(self, note: Client) -> None:
        self.account = fold(note.account)
        self.device = note.device or self.device
        if fold(note.nick) not in self.nicks:
            self.nicks.append(fold(note.nick))

    def _connected(self, note: Connected) -> None:
        self.connections += 1

    def _invoked(self, note: Invoked) -> None:
        if note.op in self.ops:
            self.strange.append(f"op {note.op} was invoked twice")
        self.ops[note.op] = Op(
            note.op, note.at_us, note.room, note.digest, note.cid, self.connections
        )

    def _acked(self, note: Acked) -> None:
        op = self.ops.get(note.op)
        if op is None or op.refused:
            self.strange.append(f"{note} answers nothing that is open")
        elif op.acked and (op.seq, op.epoch) != (note.seq, note.epoch):
            self.strange.append(f"{note} after {op}")
        elif not op.acked:
            op.acked_us, op.acked_room = note.at_us, note.room
            op.epoch, op.seq = note.epoch, note.seq

    def _refused(self, note: Refused) -> None:
        op = self.ops.get(note.op)
        if op is None or op.acked:
            self.strange.append(f"{note} answers nothing that is open")
        else:
            op.refused = True

    def _closed(self, note: Closed) -> None:
        self.closed = True

    # -- what it read ------------------------------------------------------------------

    def _fold(self, room: str) -> str:
        folded = self._folded.get(room)
        if folded is None:
            folded = self._folded[room] = fold(room)
        return folded

    def _started(self, note: Started) -> None:
        room = self._fold(note.room)
        self.reading[room] = note.epoch
        if not note.epoch:
            self.stays.setdefault(room, []).append(Stay(array("Q")))
            return
        self._run(room, note.epoch, note.seq + 1, "started")

    def _run(self, room: str, epoch: str, first: int, cause: str) -> Stream:
        stream = self.streams.get((room, epoch))
        if stream is None:
            stream = self.streams[room, epoch] = Stream()
        stream.seq = first - 1
        stream.runs.append(Run(first, cause, array("Q")))
        return stream

    def _saw(self, note: Saw) -> None:
        room, epoch = self._fold(note.room), note.epoch
        stream = self.streams.get((room, epoch))
        if self.reading.get(room) != epoch:
            stream = self._run(room, epoch, note.seq, "unasked")
        elif stream is None or note.seq != stream.seq + 1:
            stream = self._run(room, epoch, note.seq, "jumped")
        stream.runs[-1].digests.append(note.digest)
        stream.seq = note.seq

    def _heard(self, note: Heard) -> None:
        room = self._fold(note.room)
        stays = self.stays.get(room)
        if not stays or stays[-1].over:
            self.strange.append(f"heard something of {room} unasked")
            return
        stays[-1].heard.append(note.digest)

    def _gapped(self, note: Gapped) -> None:
        room = self._fold(note.room)
        before = self.reading.get(room)
        if before is None:
            self.strange.append(f"{note} unasked")
        elif before == note.epoch:
            stream = self.streams[room, note.epoch]
            stream.gaps.append(note)
            if stream.seq + 1 != note.first and note.reason != "reset":
                self.strange.append(f"{note} after {stream.seq}")
        self.reading[room] = note.epoch
        self._run(room, note.epoch, note.last + 1, "started")

    def _stopped(self, note: Stopped) -> None:
        room = self._fold(note.room)
        self.reading.pop(room, None)
        for stay in self.stays.get(room, [])[-1:]:
            stay.over = True
