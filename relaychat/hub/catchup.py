"""Readers that are not live: resumed ones, and those that fell behind (H15, H18).

Such a reader is a cursor per room. It is given the log from there, merged by ``pos``,
from memory where that reaches back far enough, else from the store. Once it is level
with every room it is live again. All of this happens between turns, on committed state.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from itertools import islice

from relaychat.hub.delivery import Report
from relaychat.hub.limits import Limits
from relaychat.hub.pages import shown_to
from relaychat.hub.peer import Form, Peer
from relaychat.hub.state import Room
from relaychat.hub.tail import decode_event
from relaychat.model.events import (
    Gap,
    LogEvent,
    Resumed,
    UserAway,
    UserPresence,
    Withheld,
)
from relaychat.store.api import Entry

Read = Callable[[Peer, dict[int, int]], None]


class CatchUp:
    """Brings readers that are behind level again. ``read`` asks the store for entries
    after these cursors, and comes back with ``give``, between turns."""

    def __init__(self, limits: Limits, read: Read, report: Report) -> None:
        self._limits = limits
        self._read = read
        self._report = report
        self._reading: dict[Peer, dict[int, int]] = {}

    def fall_behind(self, peer: Peer) -> None:
        """A live reader could not take it all: what follows comes from the log."""
        peer.full = True
        user = peer.user
        if user is None or peer.behind is not None:
            return
        rooms = list(filter(peer.sees, user.rooms))
        peer.behind = {room: room.seq for room in rooms}
        peer.saw_changes = max((room.changed for room in rooms), default=0)
        for room in rooms:
            readers = room.readers[peer.form]
            del readers[peer]
            if not readers:
                del room.readers[peer.form]

    def step(self, peer: Peer) -> None:
        """Give a reader more, as long as it takes it; then it is live, or waits to
        drain."""
        while peer.behind is not None and peer not in self._reading and not peer.full:
            lagging = {room: seq for room, seq in peer.behind.items() if seq < room.seq}
            if not lagging:
                self._tell_changes(peer)
                if not peer.full:
                    self._go_live(peer)
                return
            far = [r for r, seq in lagging.items() if not r.tail.covers(seq, r.seq)]
            lost = [room for room in far if not room.logged]
            near = {r: seq for r, seq in lagging.items() if not (far and r.logged)}
            if lost:
                self._tell_gaps(peer, peer.behind, lost)
            elif near:
                self._send(peer, self._from_tails(near))
            else:
                cursors = {room.number: seq for room, seq in lagging.items()}
                self._reading[peer] = cursors
                self._read(peer, cursors)

    def give(self, peer: Peer, entries: list[Entry]) -> None:
        """The store has read on for this reader, who may have been sent back or forth
        meanwhile. Who takes no more by now is read for again."""
        asked = self._reading.pop(peer)
        if peer.behind is None or peer.full:
            return
        rooms = {room.number: room for room in peer.behind}
        fresh = [
            (rooms[entry.room], decode_event(entry.body), entry.origin)
            for entry in entries
            if entry.room in rooms
            and asked[entry.room] <= peer.behind[rooms[entry.room]] < entry.seq
        ]
        self._send(peer, fresh)
        self.step(peer)

    def _tell(self, peer: Peer, frames: list[bytes]) -> None:
        data = b"".join(frames)
        if data:
            peer.full = not peer.send(data)

    def _from_tails(
        self, lagging: dict[Room, int]
    ) -> list[tuple[Room, LogEvent, int | None]]:
        tails = [
            [(kept.pos, room.number, kept.seq, room, kept) for kept in entries]
            for room, seq in lagging.items()
            if (entries := room.tail.after(seq, self._limits.page_entries))
        ]
        merged = islice(heapq.merge(*tails), self._limits.page_entries)
        return [(room, kept.event, kept.origin) for _, _, _, room, kept in merged]

    def _tell_gaps(
        self, peer: Peer, behind: dict[Room, int], rooms: list[Room]
    ) -> None:
        """Say what rooms without a log have forgotten (H19)."""
        frames = []
        for room in rooms:
            last = (room.tail.first() or room.seq + 1) - 1
            gap = Gap(room.name, behind[room] + 1, last, "no_history", room.epoch)
            frames.append(peer.tell(gap))
            behind[room] = last
        self._tell(peer, frames)

    def _send(
        self, peer: Peer, fresh: Iterable[tuple[Room, LogEvent, int | None]]
    ) -> None:
        """Replay entries to a reader and move its cursors."""
        behind, user, form = peer.behind, peer.user, peer.form
        assert behind is not None and user is not None
        own = peer.device.number if peer.device else -peer.number
        frames: list[bytes] = []
        hidden: dict[Room, Withheld] = {}
        for room, event, origin in fresh:
            behind[room] = event.seq
            shown = shown_to(user.rooms[room], [event])[0]
            if isinstance(shown, Withheld):
                before = hidden.get(room)
                hidden[room] = Withheld(
                    room.name, before.first if before else event.seq, event.seq
                )
                continue
            if room in hidden:
                frames.append(peer.tell(hidden.pop(room)))
            if origin != own or not room.hides_own(form):
                frames.append(self._replayed(form, event))
        frames += [peer.tell(withheld) for withheld in hidden.values()]
        self._tell(peer, frames)

    def _replayed(self, form: Form, event: LogEvent) -> bytes:
        """Empty where the form fails."""
        try:
            return form.replay(event)
        except Exception:
            self._report(f"rendering with {form!r} failed")
            return b""

    def _tell_changes(self, peer: Peer) -> None:
        """Say who went away or offline, or came back, while a reader was behind: each
        as they are now, those that changed longest ago first."""
        user = peer.user
        assert user is not None
        changed = {
            member
            for room in filter(peer.sees, user.rooms)
            if room.changed > peer.saw_changes
            for member in room.members
            if member.changed > peer.saw_changes
        }
        page = self._limits.page_entries
        waiting = sorted(changed, key=lambda one: one.changed)
        for start in range(0, len(waiting), page):
            frames = []
            for one in waiting[start : start + page]:
                frames.append(
                    peer.tell(UserPresence(one.nick, one.online, one.account))
                )
                frames.append(peer.tell(UserAway(one.nick, one.away, one.account)))
                peer.saw_changes = one.changed
            self._tell(peer, frames)
            if peer.full:
                return

    def _go_live(self, peer: Peer) -> None:
        user = peer.user
        assert user is not None
        peer.behind = None
        for room in filter(peer.sees, user.rooms):
            room.readers.setdefault(peer.form, {})[peer] = peer.send
        if peer.resuming is not None:
            resume, peer.resuming = peer.resuming, None
            names = {room.name for room in filter(peer.sees, user.rooms)}
            rooms = tuple([name for name in resume.rooms if name in names])
            self._tell(peer, [peer.outcome(resume, Resumed(rooms, id=resume.id))])
            if peer.full:
                self.fall_behind(peer)
