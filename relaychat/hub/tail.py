"""The latest entries of a room's log, in memory: for history, catch-up and resume.

A tail has no holes: it holds the last so many entries, up to the room's committed seq.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import islice

import msgspec
from msgspec.structs import replace

from relaychat.hub.limits import Limits
from relaychat.model.events import AnyLogEvent, Custom, Edited, LogEvent, Said

OVERHEAD_BYTES = 160
"""What an entry costs beside its body: a Struct, a number, the head of the body."""

decode_event: Callable[[bytes], LogEvent] = msgspec.json.Decoder(AnyLogEvent).decode


def blanked(event: Said | Edited | Custom) -> LogEvent:
    """The same without what somebody wrote."""
    if isinstance(event, Custom):
        return replace(event, value=None, redacted=True)
    return replace(event, text="", redacted=True)


class Kept(msgspec.Struct, gc=False):
    """An entry in memory, encoded: most are never read again, and an event is five
    objects, which are cold when they are freed. ``origin`` is who wrote it, as in the
    store's row."""

    pos: int
    """Its place in the global commit order."""
    seq: int
    at: int
    body: bytes
    origin: int | None
    cid: int | None = None
    cid_hash: int | None = None

    @property
    def event(self) -> LogEvent:
        """What happened, decoded anew each time."""
        return decode_event(self.body)


class Tail:
    """The last entries of one room, oldest first."""

    __slots__ = ("entries", "size")

    def __init__(self) -> None:
        self.entries: deque[Kept] = deque()
        self.size = 0

    def first(self) -> int:
        """The lowest seq in it, or 0 when it is empty."""
        return self.entries[0].seq if self.entries else 0

    def covers(self, after: int, seq: int) -> bool:
        """Whether it holds everything after one seq, up to the room's last."""
        return after >= seq or (bool(self.entries) and self.entries[0].seq <= after + 1)

    def after(self, seq: int, most: int | None = None) -> list[Kept]:
        """What it holds after a seq, oldest first, at most so many."""
        skip = max(0, seq + 1 - self.first())
        end = None if most is None else skip + most
        return list(islice(self.entries, skip, end))

    def get(self, seq: int) -> Kept | None:
        """The entry of this seq, if it is here."""
        index = seq - self.first()
        return self.entries[index] if 0 <= index < len(self.entries) else None


class Tails:
    """All tails together, bounded: rooms that were quiet longest give theirs
    up first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rooms: OrderedDict[Tail, None] = OrderedDict()
        self.size = 0

    def extend(self, tail: Tail, entries: list[Kept]) -> None:
        """Add a turn's committed entries to a room's tail."""
        limits = self._limits
        before = tail.size
        held = tail.entries
        held.extend(entries)
        tail.size += sum([len(kept.body) for kept in entries]) + OVERHEAD_BYTES * len(
            entries
        )
        while len(held) > limits.tail_entries or (
            tail.size > limits.tail_bytes and len(held) > 1
        ):
            tail.size -= len(held.popleft().body) + OVERHEAD_BYTES
        self.size += tail.size - before
        self._rooms[tail] = None
        self._rooms.move_to_end(tail)
        while self.size > limits.tails_bytes and len(self._rooms) > 1:
            self.forget(next(iter(self._rooms)))

    def replace(self, tail: Tail, kept: Kept) -> None:
        """Put an entry in the place of the one of its seq, if that is here
        (redaction)."""
        index = kept.seq - tail.first()
        if 0 <= index < len(tail.entries):
            held = tail.entries[index]
            kept.pos, kept.origin = held.pos, held.origin
            tail.entries[index] = kept
            tail.size += len(kept.body) - len(held.body)
            self.size += len(kept.body) - len(held.body)

    def forget(self, tail: Tail) -> None:
        """Empty a tail: its room closed, or others need the memory."""
        if tail in self._rooms:
            del self._rooms[tail]
            self.size -= tail.size
        tail.entries.clear()
        tail.size = 0
