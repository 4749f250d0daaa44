"""The latest entries of a room's log, in memory: for history, catch-up and resume.

A tail has no holes: it holds the last so many entries, up to the room's committed seq.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Reversible

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
    """An entry in memory, or a stretch of them, encoded: most are never read again, and
    an event is five objects, which are cold when they are freed. ``origin`` is who
    wrote it, as in the store's row."""

    pos: int
    """Its place in the global commit order."""
    seq: int
    at: int
    body: bytes
    origin: int | None
    cid: int | None = None
    cid_hash: int | None = None
    more: tuple[bytes, ...] = ()
    """Bodies of the entries behind it, as in the store's row."""

    @property
    def event(self) -> LogEvent:
        """What happened, decoded anew each time."""
        return decode_event(self.body)

    def each(self) -> list[Kept]:
        """Its entries one by one."""
        if not self.more:
            return [self]
        pos, seq, at, origin = self.pos, self.seq, self.at, self.origin
        return [
            Kept(pos + n, seq + n, at, body, origin)
            for n, body in enumerate((self.body, *self.more))
        ]

    def weight(self) -> int:
        """Bytes that it counts for."""
        if not self.more:
            return len(self.body) + OVERHEAD_BYTES
        bodies = len(self.body) + sum(map(len, self.more))
        return bodies + OVERHEAD_BYTES * (1 + len(self.more))


def entry_in(stretches: Reversible[Kept], seq: int) -> Kept | None:
    """The entry of this seq, if it is there; looked for from the newest on."""
    for stretch in reversed(stretches):
        if stretch.seq <= seq:
            place = seq - stretch.seq
            return stretch.each()[place] if place <= len(stretch.more) else None
    return None


def entries_of(stretches: Iterable[Kept]) -> list[Kept]:
    """All of these one by one."""
    return [one for stretch in stretches for one in stretch.each()]


class Tail:
    """The last entries of one room, oldest first."""

    __slots__ = ("count", "size", "stretches")

    def __init__(self) -> None:
        self.stretches: deque[Kept] = deque()
        self.count = 0
        """Entries in all."""
        self.size = 0

    @property
    def entries(self) -> list[Kept]:
        """What it holds, one by one."""
        return entries_of(self.stretches)

    def first(self) -> int:
        """The lowest seq in it, or 0 when it is empty."""
        return self.stretches[0].seq if self.stretches else 0

    def covers(self, after: int, seq: int) -> bool:
        """Whether it holds everything after one seq, up to the room's last."""
        return after >= seq or 0 < self.first() <= after + 1

    def after(self, seq: int, most: int | None = None) -> list[Kept]:
        """What it holds after a seq, oldest first, at most so many."""
        found: list[Kept] = []
        for stretch in reversed(self.stretches):
            if stretch.seq + len(stretch.more) <= seq:
                break
            found.append(stretch)
        entries = entries_of(reversed(found))
        skip = max(0, seq + 1 - entries[0].seq) if entries else 0
        return entries[skip:] if most is None else entries[skip : skip + most]

    def get(self, seq: int) -> Kept | None:
        """The entry of this seq, if it is here."""
        return entry_in(self.stretches, seq)


class Tails:
    """All tails together, bounded: rooms that were quiet longest give theirs
    up first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rooms: OrderedDict[Tail, None] = OrderedDict()
        self.size = 0

    def extend(self, tail: Tail, stretches: list[Kept]) -> None:
        """Add what a turn has committed to a room's tail."""
        limits = self._limits
        before = tail.size
        tail.stretches.extend(stretches)
        for stretch in stretches:
            tail.count += 1 + len(stretch.more)
            tail.size += stretch.weight()
        while tail.count > limits.tail_entries or (
            tail.size > limits.tail_bytes and tail.count > 1
        ):
            self._shorten(tail)
        self.size += tail.size - before
        self._rooms[tail] = None
        self._rooms.move_to_end(tail)
        while self.size > limits.tails_bytes and len(self._rooms) > 1:
            self.forget(next(iter(self._rooms)))

    def _shorten(self, tail: Tail) -> None:
        """Drop the oldest stretch, or the oldest entry where that is enough."""
        first = tail.stretches.popleft()
        entries, weight = 1 + len(first.more), first.weight()
        if entries > 1 and (
            tail.count - entries < self._limits.tail_entries
            and tail.size - weight < self._limits.tail_bytes
        ):
            _, second, *rest = first.each()
            second.more = tuple([one.body for one in rest])
            tail.stretches.appendleft(second)
            entries, weight = 1, weight - second.weight()
        tail.count -= entries
        tail.size -= weight

    def replace(self, tail: Tail, kept: Kept) -> None:
        """Put an entry in the place of the one of its seq, if that is here
        (redaction)."""
        for index, stretch in enumerate(tail.stretches):
            n = kept.seq - stretch.seq
            if 0 <= n <= len(stretch.more):
                before = stretch.weight()
                bodies = [stretch.body, *stretch.more]
                bodies[n] = kept.body
                stretch = replace(stretch)  # A reader may hold the one that was here.
                stretch.body, *more = bodies
                stretch.more = tuple(more)
                tail.stretches[index] = stretch
                tail.size += stretch.weight() - before
                self.size += stretch.weight() - before
                return

    def forget(self, tail: Tail) -> None:
        """Empty a tail: its room closed, or others need the memory."""
        if tail in self._rooms:
            del self._rooms[tail]
            self.size -= tail.size
        tail.stretches.clear()
        tail.size = tail.count = 0
