"""A subscription to rooms, of somebody who may be slow: live while they keep up, else
from the log.

A cursor a room says how far it was told. What comes next is told at once; what comes
while they are not ready is left out, and read from the log when they are, so nothing
piles up and nothing is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from relaychat.client.api import Client
from relaychat.client.cursor import Logged
from relaychat.model import events
from relaychat.model.commands import Cursor, History
from relaychat.model.events import Fault
from relaychat.model.names import fold
from relaychat.model.words import Word

PAGE = 500
"""Events that are asked for at a time."""

_encode = msgspec.json.Encoder().encode


class Subscription:
    """See the module."""

    log = Logger()

    def __init__(self, client: Client, tell: Callable[[Any, bytes], None]) -> None:
        """``tell`` is called with each event and its line; it may set ``full``."""
        self.at: dict[str, Cursor] = {}
        """How far each room was told, by folded names."""
        self.full = False
        """They are not ready for more. See ``go_on``."""
        self._client = client
        self._tell = tell
        self._over = False
        self._reading: set[str] = set()

    def stop(self) -> None:
        """Nobody listens any more."""
        self._over = self.full = True

    def go_on(self) -> None:
        """They are ready again."""
        self.full = False
        for name in list(self.at):
            self.read_on(name)

    def happened(self, event: Word, raw: bytes) -> None:
        """The client was shown this."""
        if not isinstance(event, Logged):
            return
        name = fold(event.room)
        at = self.at.get(name)
        if at is None or self.full or name in self._reading:
            return
        first = event.seq if isinstance(event, events.LogEvent) else event.first
        if isinstance(event, events.Gap) or first == at.seq + 1:
            self._pass(name, event, raw)
        elif first > at.seq:
            self.read_on(name)

    def read_on(self, name: str) -> Deferred[None]:
        """Tell what the log holds between the cursor and where the client is. Fires
        when that is done, or can't be for now."""
        return Deferred.fromCoroutine(self._read_on(name)).addErrback(
            lambda failure: self.log.failure("a room could not be told", failure)
        )

    def _pass(self, name: str, event: Any, raw: bytes) -> None:
        if isinstance(event, events.Gap):
            self.at[name] = Cursor(event.epoch, event.last)
        else:
            seq = event.last if isinstance(event, events.Withheld) else event.seq
            self.at[name] = Cursor(self.at[name].epoch, seq)
        self._tell(event, raw)

    async def _read_on(self, name: str) -> None:
        if name in self._reading:
            return
        self._reading.add(name)
        try:
            while not self.full and await self._page(name):
                pass
        finally:
            self._reading.discard(name)

    async def _page(self, name: str) -> bool:
        """A page of it; False if it is level."""
        at, room = self.at.get(name), self._client.rooms.get(name)
        if at is None or room is None:
            return False
        here = room.cursor
        if at.epoch != here.epoch:
            gap = events.Gap(room.name, at.seq + 1, here.seq, "reset", here.epoch)
            self._pass(name, gap, _encode(gap))
            return True
        if at.seq >= here.seq:
            return False
        query = History(room.name, after=at.seq, limit=PAGE)
        answer = await self._client.link.ask(query)
        if self._over or self.at.get(name) is not at:
            return not self._over
        if isinstance(answer, events.Page) and answer.events:
            for event in answer.events:
                if not self.full:
                    self._pass(name, event, _encode(event))
        elif isinstance(answer, Fault) and answer.retry:
            await self._client.link.up()
        else:
            gap = events.Gap(room.name, at.seq + 1, here.seq, "no_history", here.epoch)
            self._pass(name, gap, _encode(gap))
        return True
