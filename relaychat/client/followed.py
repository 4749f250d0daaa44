"""The rooms that a client is in, and on the disk how far each was read."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from relaychat.client.cursor import Logged, Standing
from relaychat.client.file import ClientFile, Reading
from relaychat.client.link import Link
from relaychat.client.rooms import Room
from relaychat.client.state import StateError
from relaychat.model import events
from relaychat.model.commands import Cursor, Mark
from relaychat.model.names import fold
from relaychat.model.words import Word


class Followed:
    """See the module. It goes on where the file says that it was."""

    log = Logger()

    def __init__(self, clock: Any, file: ClientFile, link: Link, by_hand: bool) -> None:
        """``by_hand``: an event was read when ``done`` says so, else when it was given
        to all listeners."""
        self.rooms: dict[str, Room] = {}
        self._clock = clock
        self._file = file
        self._link = link
        self._conversation = link.conversation
        self._by_hand = by_hand
        self._reading: dict[str, Reading] = file.reading()
        self._changed: set[str] = set()
        self._writing: Any = None
        account = self._conversation.hello.password is not None
        for room, one in self._reading.items():
            self._conversation.follow(room, cursor=one.cursor)
            if account:  # The server knows better whether we are in it still.
                self._conversation.as_member(room)

    # -- coming and going --------------------------------------------------------------

    def entered(self, shown: events.RoomShown) -> Room:
        """We are in a room, perhaps since before."""
        name = fold(shown.room)
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = Room(shown)
            room.cursor = self._start(name, shown)
        else:
            room.show(shown)
        welcome = self._conversation.welcome
        if welcome is not None and welcome.account is not None:
            self._conversation.as_member(name)
        return room

    def _start(self, name: str, shown: events.RoomShown) -> Cursor:
        known = self._reading.get(name)
        if known is not None:
            return known.cursor
        reader = self._conversation.reader(name)
        since = None if reader is None else reader.since
        start = shown.seq if since is None else min(since, shown.seq)
        cursor = Cursor(shown.epoch, start)
        self._read_to(name, cursor)
        return cursor

    def remembered(self, name: str) -> Room | None:
        """A room as far as an earlier run knew it."""
        known = self._reading.get(fold(name))
        if known is None:
            return None
        return Room(events.RoomShown(name, known.cursor.epoch, known.cursor.seq))

    def exited(self, room: str) -> None:
        """We are not in a room any more."""
        name = fold(room)
        self.rooms.pop(name, None)
        if self._reading.pop(name, None) is not None:
            self._write_soon(name)

    # -- reading -----------------------------------------------------------------------

    def shown(self, event: Word) -> None:
        """This happened, and nobody was told yet: the room is as it is afterwards."""
        room = self.rooms.get(fold(getattr(event, "room", "")))
        if room is None:
            return
        if isinstance(event, events.Marked):
            room.mark(event.seq)
        elif isinstance(event, Logged):
            room.pass_over(event, self._conversation.nick)

    def given(self, event: Word) -> str | None:
        """All were told. Returns the room that it put us out of."""
        if not isinstance(event, Logged):
            return None
        name = fold(event.room)
        if name in self.rooms and not self._by_hand:
            self._read_to(name, self.rooms[name].cursor)
        reader = self._conversation.reader(name)
        if reader is not None and reader.standing is not Standing.OUTSIDE:
            return None
        gone = ""
        if isinstance(event, events.Kicked | events.Left):
            gone = event.nick if isinstance(event, events.Kicked) else event.sender
        if fold(gone) != fold(self._conversation.nick):
            return None
        self._conversation.leave(event.room)
        self.exited(event.room)
        return event.room

    def done(self, event: Logged) -> None:
        """This event, and all before it in its room, needs not come again."""
        name = fold(event.room)
        known = self._reading.get(name)
        if known is None:
            return
        if isinstance(event, events.Gap):
            cursor = Cursor(event.epoch, event.last)
        else:
            seq = event.last if isinstance(event, events.Withheld) else event.seq
            cursor = Cursor(known.cursor.epoch, seq)
        self._read_to(name, cursor)
        self._file.with_next({name: self._reading[name]})

    def cursor(self, name: str) -> Cursor | None:
        """How far a room was read."""
        known = self._reading.get(fold(name))
        return None if known is None else known.cursor

    def _read_to(self, name: str, cursor: Cursor) -> None:
        known = self._reading.get(name, Reading(cursor))
        self._reading[name] = known._replace(cursor=cursor)
        self._write_soon(name)

    # -- read markers ------------------------------------------------------------------

    def mark(self, room: str, seq: int) -> None:
        """Everything up to ``seq`` was read by people; all their devices are told."""
        name = fold(room)
        here, known = self.rooms.get(name), self._reading.get(name)
        if known is None or (here is not None and seq <= here.marked):
            return
        if here is not None:
            here.mark(seq)
        self._reading[name] = known._replace(mark=max(known.mark, seq))
        self._write_soon(name)
        self._send_mark(name)

    def send_marks(self) -> None:
        """Tell the server what it has not heard of."""
        for name in list(self._reading):
            self._send_mark(name)

    def _send_mark(self, name: str) -> None:
        known = self._reading[name]
        if not known.mark or self._conversation.welcome is None:
            return

        def answered(answer: Word) -> None:
            now = self._reading.get(name)
            lost = isinstance(answer, events.Fault) and answer.retry
            if now is not None and now.mark == known.mark and not lost:
                self._reading[name] = now._replace(mark=0)
                self._write_soon(name)

        asked: Deferred[Word] = self._link.ask(Mark(name, known.mark))
        asked.addCallback(answered)

    # -- the disk ----------------------------------------------------------------------

    def flush(self) -> None:
        """Write what is not written yet."""
        if self._writing is not None:
            self._writing.cancel()
            self._write()

    def _write_soon(self, name: str) -> None:
        """All that one read of the socket brings is written with one write."""
        self._changed.add(name)
        if self._writing is None:
            self._writing = self._clock.callLater(0, self._write)

    def _write(self) -> None:
        self._writing = None
        changed, self._changed = self._changed, set()
        known = {room: self._reading[room] for room in changed & set(self._reading)}
        try:
            self._file.read(known, list(changed - set(known)))
        except StateError:
            self._changed |= changed
            self.log.failure("it can't be written how far rooms were read")
