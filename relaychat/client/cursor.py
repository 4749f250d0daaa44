"""Where a reader stands in one room, and the proof that it missed nothing (H15, H17).

A cursor moves by one event at a time. An event at or before it was seen already and is
not shown again. An event beyond the next one is a hole: while the room is being resumed
it is merely early (the resume brings it again in its place), otherwise something was
lost, and only a new connection that resumes from the cursor can tell what.
"""

from __future__ import annotations

from enum import Enum

from msgspec.structs import replace

from relaychat.model.commands import Cursor
from relaychat.model.events import Gap, LogEvent, RoomShown, Withheld

Logged = LogEvent | Withheld | Gap
"""What a reader is shown of a room's log: its entries, and what stands in the place of
some. User events are none: they come again as the rooms' entries."""


class Hole(Exception):
    """An event came that does not follow the last one."""


class Standing(Enum):
    """How a reader stands to its room on the present connection."""

    OUTSIDE = 1
    """Not in the room, as far as we know: what comes is not ours to count yet."""
    RESUMING = 2
    """The server brings what was missed."""
    LEVEL = 3
    """Every event is the next one."""


class Reader:
    """The cursor of one room, over any number of connections."""

    def __init__(
        self, room: str, cursor: Cursor | None = None, since: int | None = None
    ) -> None:
        self.room = room
        self.epoch = cursor.epoch if cursor else ""
        """Empty until the room was seen once."""
        self.seq = cursor.seq if cursor else 0
        self.since = since
        """Where to start in a room that was not seen yet; None: from now on."""
        self.standing = Standing.OUTSIDE
        self.doubles = 0
        """Events that came again and were not shown."""
        self._hello = False
        self._early = 0
        self._anew = False
        """The room has begun anew, and we have not been told what that leaves out: what
        comes does not follow our cursor, whatever its seq."""

    @property
    def cursor(self) -> Cursor | None:
        """What to resume from, or None before the room was seen."""
        return Cursor(self.epoch, self.seq) if self.epoch else None

    def hello(self) -> Cursor | None:
        """A new connection begins. Returns the cursor for its hello, if there is
        one."""
        self.standing = Standing.OUTSIDE
        self._early = 0
        self._anew = False
        self._hello = bool(self.epoch)
        return self.cursor

    def shown(self, room: RoomShown, joined: bool) -> bool:
        """The room as it is now, and we are in it; ``joined``: only now, so that
        hello's resume did not reach it. True if the cursor has to be resumed from by a
        command."""
        # Shown anew while we count as inside: we were out in between. The event that
        # told so came during a resume, and was taken for an old one.
        inside = self.standing is not Standing.OUTSIDE
        if inside and room.again:
            return False
        self.room = room.room
        if not self.epoch:
            self.epoch, self.seq = room.epoch, room.seq
            if self.since is not None:
                self.seq = min(self.since, room.seq)
        self._anew = self.epoch != room.epoch
        if self._hello and not joined and not inside:
            self.standing = Standing.RESUMING
            return False
        if (self.epoch, self.seq) == (room.epoch, room.seq):
            self.standing = Standing.LEVEL
            return False
        self.standing = Standing.RESUMING
        return True

    def again(self) -> None:
        """A resume was asked for that brings this room from its cursor on."""
        self.standing = Standing.RESUMING

    def passes(self, seq: int) -> bool:
        """Move over an event; False if it is not to be shown. Raises Hole."""
        if self.standing is Standing.OUTSIDE:
            return False
        if self._anew:
            self._early = max(self._early, seq)
            return False
        if seq <= self.seq:
            self.doubles += 1
            return False
        if seq == self.seq + 1:
            self.seq = seq
            return True
        if self.standing is Standing.LEVEL:
            raise Hole(f"{self.room}: {seq} came after {self.seq}")
        self._early = max(self._early, seq)
        return False

    def withheld(self, event: Withheld) -> Withheld | None:
        """Move over entries that one may not read; those that were not seen before, or
        None. Raises Hole."""
        if self.standing is Standing.OUTSIDE or event.last <= self.seq:
            return None
        if self._anew or event.first > self.seq + 1:
            return event if self.passes(event.first) else None
        # A resume that starts over may end in the middle of what it has brought before.
        fresh = event if event.first > self.seq else replace(event, first=self.seq + 1)
        self.seq = event.last
        return fresh

    def gap(self, event: Gap) -> Gap | None:
        """Move over entries that can't be had any more, perhaps to another epoch; those
        that were not seen before, or None."""
        if (event.epoch, event.last) == (self.epoch, self.seq):
            return None
        if event.epoch == self.epoch and event.reason != "reset":
            if event.last < self.seq:
                return None
            event = replace(event, first=max(event.first, self.seq + 1))
        else:
            self._early = 0
        self.epoch, self.seq, self._anew = event.epoch, event.last, False
        return event

    def level(self, reached: bool) -> bool:
        """A resume is complete; ``reached``: it was for this room too. False if one is
        still needed. Raises Hole if it brought less than was seen early."""
        self._hello = False
        if self.standing is not Standing.RESUMING or not reached:
            return self.standing is not Standing.RESUMING
        if self._anew:
            raise Hole(f"{self.room}: it began anew, and goes on as if it had not")
        if self._early > self.seq:
            raise Hole(f"{self.room}: resumed to {self.seq}, but saw {self._early}")
        self.standing = Standing.LEVEL
        return True

    def left(self) -> None:
        """We are no member any more."""
        self.standing = Standing.OUTSIDE
