"""What a chat on a terminal was not there to show: it comes first, the next time.

One file for each server and nick in a state folder says how far each room was shown.
Who comes back is shown what came since, in all rooms, direct ones included; of a room
with very much the latest part.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReactorTime

from relaychat.client.core import Conversation
from relaychat.client.state import CursorFile
from relaychat.model.commands import Cursor
from relaychat.model.events import LogEvent, RoomShown
from relaychat.model.names import fold

MOST = 200
"""Entries of a room that are shown: some screens."""
WRITE_S = 1.0
"""How far the file may stay behind the screen: so much comes again after a crash."""


class Missed:
    """See the module. Without a folder it remembers nothing."""

    def __init__(self, clock: IReactorTime, folder: Path | None) -> None:
        """Raises StateError if the file is there and can't be read."""
        self._clock = clock
        self._file = CursorFile(folder / "chat.json") if folder is not None else None
        self._conversation: Conversation
        self._passed: dict[str, int] = {}
        self._writing: Any = None
        self._failed: Callable[[Exception], None]

    @property
    def returning(self) -> bool:
        """Whether there was a chat before."""
        return self._file is not None and not self._file.new

    def follow(
        self, conversation: Conversation, failed: Callable[[Exception], None]
    ) -> None:
        """Go on in the rooms of the last time, as far as we are in them still.
        ``failed`` is told what keeps the file from being written."""
        self._conversation, self._failed = conversation, failed
        for room, cursor in self._file.cursors.items() if self._file else ():
            if not conversation.wants(room):
                conversation.follow(room, cursor=cursor)
                conversation.as_member(room)

    def cursor(self, room: str) -> Cursor | None:
        """How far it was shown."""
        return self._file.get(room) if self._file is not None else None

    def entered(self, room: RoomShown) -> str:
        """What to say of what came since: "", or how much it is."""
        cursor = self.cursor(room.room)
        reader = self._conversation.reader(room.room)
        fresh = reader is not None and reader.since == 0
        seq = 0 if fresh else cursor.seq if cursor else room.seq
        if cursor is not None and cursor.epoch != room.epoch:
            return ""
        count = room.seq - seq
        self._passed[fold(room.room)] = room.seq - MOST
        if count <= 0:
            return ""
        latest = f", the latest {MOST} of them here" if count > MOST else ""
        return f"{count} new{latest}"

    def shows(self, event: object) -> bool:
        """Whether it is to be shown; if so it is remembered, soon."""
        if not isinstance(event, LogEvent):
            return True
        if self._file is not None and self._writing is None:
            self._writing = self._clock.callLater(WRITE_S, self._write_soon)
        return event.seq > self._passed.get(fold(event.room), 0)

    def left(self, room: str) -> None:
        """We are in it no more."""
        if self._file is not None:
            gone = fold(room)
            kept = self._file.cursors.items()
            self._file.keep({name: one for name, one in kept if fold(name) != gone})

    def close(self) -> None:
        """Write what was shown. Raises StateError."""
        if self._writing is not None:
            self._writing.cancel()
        self._write()

    def _write_soon(self) -> None:
        self._writing = None
        try:
            self._write()
        except Exception as error:
            self._failed(error)

    def _write(self) -> None:
        if self._file is None:
            return
        # Of a connection that has just begun, or is gone, not all rooms are known.
        cursors = dict(self._file.cursors)
        for room in self._conversation.rooms:
            reader = self._conversation.reader(room)
            if reader is not None and reader.cursor is not None:
                cursors[room] = reader.cursor
        self._file.keep(cursors)
