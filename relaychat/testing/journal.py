"""What one client has seen: the checker's witness.

A client, simulated or real, notes what it asked, what it was answered and what it was
shown. A journal keeps the notes in columns: eight bytes for an entry that was shown.

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
from typing import Any

from msgspec import Struct

from relaychat.model.errors import CidPassed
from relaychat.model.names import fold
from relaychat.testing.notes import (
    Acked,
    Client,
    Closed,
    Connected,
    Gapped,
    Heard,
    Invoked,
    Note,
    Refused,
    Saw,
    Started,
    Stopped,
    decode,
)


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
    passed: bool = False
    """Refused as one that came too late, on the connection that it was sent on
    first."""

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

    @property
    def names(self) -> list[str]:
        """What its stays in rooms go by (``Retold.stays``)."""
        if self.account:
            return [f"account:{self.account}"]
        return [f"nick:{nick}" for nick in self.nicks]

    def add(self, note: Note) -> None:
        """One more word."""
        self._add[type(note)](note)

    def read(self, lines: Iterable[bytes]) -> None:
        """Words that a process wrote as lines of JSON. The last one may be torn, where
        the process was killed."""
        before: bytes | None = None
        for line in lines:
            if before is not None:
                self.add(decode(before))
            before = line
        if before is not None and before.endswith(b"\n"):
            self.add(decode(before))

    # -- who, and what it sent ---------------------------------------------------------

    def _client(self, note: Client) -> None:
        self.account = fold(note.account)
        self.device = note.device or self.device
        if fold(note.nick) not in self.nicks:
            self.nicks.append(fold(note.nick))

    def _connected(self, note: Connected) -> None:
        self.connections += 1

    def _invoked(self, note: Invoked) -> None:
        before = self.ops.pop(note.op, None)
        if before is not None:
            self.ops[-1 - len(self.ops)] = before
            before.cid = None  # It is the new one's; this one is known by its words.
            if not before.refused:
                self.strange.append(f"op {note.op} was invoked twice")
        self.ops[note.op] = Op(
            note.op, note.at_us, note.room, note.digest, note.cid, self.connections
        )

    def _acked(self, note: Acked) -> None:
        op = self.ops.get(note.op)
        if op is None or op.refused:
            self.strange.append(f"{note} answers nothing that is open")
        elif op.acked and not _same(op, note):
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
            op.passed = (
                note.code == CidPassed.code and op.connection == self.connections
            )

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


def _same(op: Op, note: Acked) -> bool:
    """Whether a second answer, to a resend, names the place that the first one did."""
    epochs = {op.epoch, note.epoch} - {""}
    return op.seq == note.seq and len(epochs) <= 1
