"""``relaychat tail``: a room's log as it grows, through any interruption.

While it runs, each event is written once and none is missed, however often the
connection or the server goes: the cursor proves it. Over a new start the same holds
with a cursor file, if it ended by itself or by a signal. After ``kill -9`` the last few
events may be written once more (the file follows the output, never the other way
round), and with ``--json`` their ``seq`` tells.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from relaychat.client.cli import output
from relaychat.client.cli.run import REFUSED, Trouble
from relaychat.client.cli.show import full_line, json_line
from relaychat.client.cli.stdin import Input
from relaychat.client.cli.visit import Target, Visit, shut
from relaychat.client.cursor import Logged, Standing
from relaychat.client.happenings import Happening, Shown, Shut
from relaychat.client.state import CursorFile, take_device
from relaychat.model import events
from relaychat.model.words import Word


class Tail:
    """One run of the command."""

    def __init__(
        self,
        reactor: Any,
        target: Target,
        room: str,
        *,
        since: int | None = None,
        key: str = "",
        json: bool = False,
        cursors: Path | None = None,
    ) -> None:
        """Raises StateError, Trouble."""
        self._reactor = reactor
        self._json = json
        self._room = room
        self._file = CursorFile(cursors) if cursors is not None else None
        self._lines: list[str] = []
        self._device = take_device(target.home)
        self._visit = Visit(reactor, target, self._device.secret, self._heard)
        cursor = self._file.get(room) if self._file is not None else None
        # A pipe whose reader is gone is found out at once, not by the next event.
        self._watch = Input(reactor, 1, lambda data: None, self._output_closed)
        self._reader = self._visit.conversation.follow(room, key, cursor, since)

    async def run(self) -> int:
        """Follow until a signal, or until the room is closed to us."""
        if stat.S_ISFIFO(os.fstat(1).st_mode):
            self._watch.go()
        try:
            return await self._visit.stay()
        finally:
            self._watch.pause()
            self._write()
            self._device.close()

    def _output_closed(self) -> None:
        self._visit.fail(output.OutputClosed())

    def _heard(self, happening: Happening) -> None:
        if isinstance(happening, Shut) and not happening.fault.retry:
            self._visit.fail(shut(happening))
        elif isinstance(happening, Shown) and isinstance(happening.event, Logged):
            self._shown(happening.event, happening.raw)

    def _shown(self, event: Word, raw: bytes) -> None:
        if self._json:
            self._add(json_line(raw))
        else:
            text = full_line(event, date=True)
            if text is not None:
                self._add(text)
        out = self._reader.standing is Standing.OUTSIDE
        if out and isinstance(event, (events.Kicked, events.Left)):
            self._visit.fail(Trouble(REFUSED, f"we are out of {self._reader.room}"))

    def _add(self, line: str) -> None:
        if not self._lines:
            # All that one read brings is written with one write.
            self._reactor.callLater(0, self._write_or_fail)
        self._lines.append(line)

    def _write_or_fail(self) -> None:
        try:
            self._write()
        except Exception as error:
            self._visit.fail(error)

    def _write(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            output.write("\n".join(lines) + "\n")
        cursor = self._reader.cursor
        if self._file is not None and cursor is not None:
            self._file.put(self._reader.room, cursor)


def tail_job(target: Target, room: str, **options: Any) -> Any:
    """The job of ``relaychat tail``."""

    async def job(reactor: Any) -> int:
        return await Tail(reactor, target, room, **options).run()

    return job
