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
from relaychat.client.cursor import Logged
from relaychat.client.state import CursorFile
from relaychat.model.commands import Cursor
from relaychat.model.events import Gap, LogEvent, RoomShown
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
        self._at: dict[str, Cursor] = {}
        """How far each room was shown. The conversation itself may be further, by what
        it has read and not told yet."""
        self._passed: dict[str, int] = {}
        """Up to where a room is not shown."""
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
        """What to say of what came since: "", or how much it is. What is not shown of
        it is always told."""
        if self._file is None:
            return ""
        reader = self._conversation.reader(room.room)
        fresh = reader is not None and reader.since == 0
        start = Cursor(room.epoch, 0 if fresh else room.seq)
        here = self._at.setdefault(room.room, self.cursor(room.room) or start)
        count = room.seq - here.seq if here.epoch == room.epoch else 0
        if count <= 0:
            return ""
        self._passed[room.room] = room.seq - MOST
        latest = f", the latest {MOST} of them here" if count > MOST else ""
        return f"{count} new{latest}"

    def shows(self, event: object) -> bool:
        """Whether it is to be shown; if so it is remembered, soon. Neither it nor what
        was before it in its room comes again."""
        if self._file is None or not isinstance(event, Logged):
            return True
        seq = event.seq if isinstance(event, LogEvent) else event.last
        here = self._at.get(event.room)
        epoch = event.epoch if isinstance(event, Gap) else here.epoch if here else ""
        if epoch:
            self._at[event.room] = Cursor(epoch, seq)
        if self._writing is None:
            self._writing = self._clock.callLater(WRITE_S, self._write_soon)
        return seq > self._passed.get(event.room, 0)

    def left(self, room: str) -> None:
        """We are in it no more."""
        if self._file is None:
            return
        for name in [one for one in self._at if fold(one) == fold(room)]:
            del self._at[name]
        kept = self._file.cursors.items()
        self._file.keep({name: one for name, one in kept if fold(name) != fold(room)})

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
        if self._file is not None:
            self._file.keep({**self._file.cursors, **self._at})
