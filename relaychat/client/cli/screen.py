"""What a chat writes. On a terminal, what was typed is not shown twice, another day is
named, and who is gone for a moment only is not told of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date
from typing import Any

from twisted.internet.interfaces import IReactorTime

from relaychat.client.cli import output
from relaychat.client.cli.show import full_line
from relaychat.model.events import LogEvent, Said, UserPresence
from relaychat.model.names import fold
from relaychat.model.words import Word

SETTLED_S = 3.0
"""How long somebody has to be there, or away, before it is told: a command that sends
one message comes and goes within a second."""
OVER_THE_LAST_LINE = "\x1b[A\r\x1b[2K"
"""The cursor up, to the line's start, the line erased (ECMA-48: CUU, EL)."""


def rewrites(fd: int) -> bool:
    """Whether what is typed at ``fd`` is shown where we write, and a line of it can be
    written over."""
    dumb = os.environ.get("TERM", "dumb") == "dumb"
    return not dumb and os.isatty(fd) and os.isatty(1)


class Screen:
    """See the module."""

    def __init__(
        self,
        clock: IReactorTime,
        terminal: bool,
        over: bool,
        failed: Callable[[Exception], None],
    ) -> None:
        """``over``: see ``rewrites``. ``failed`` is told what keeps from writing what
        is written later."""
        self._clock = clock
        self._terminal = terminal
        self._over = over
        self._failed = failed
        self._typed = ("", 0)
        """The last line that was typed, and how much had been written by then."""
        self._day = self._today()
        self.direct: dict[str, str] = {}
        """Whom one speaks to in a direct room, by its folded name."""
        self._unsettled: dict[str, Any] = {}
        """By folded nick: when its presence will be told."""

    def typed(self, text: str) -> None:
        """This line was typed, and so is on the screen."""
        self._typed = (text, output.lines)

    def show(self, event: Word, own: bool) -> None:
        """Write an event, if it is one of those that are shown. ``own``: we did it."""
        text = full_line(event, room=True, direct=self.direct)
        if text is None:
            return
        if self._terminal and isinstance(event, UserPresence):
            self._settle(event, text)
            return
        if self._terminal and isinstance(event, LogEvent) and event.at:
            self._name_day(date.fromtimestamp(event.at / 1000))
        over = own and isinstance(event, Said) and self._is_last(event.text)
        output.write(f"{OVER_THE_LAST_LINE if over else ''}{text}\n")

    def close(self) -> None:
        """What is not settled is not told any more."""
        for timer in self._unsettled.values():
            timer.cancel()
        self._unsettled.clear()

    def _today(self) -> date:
        return date.fromtimestamp(self._clock.seconds())

    def _name_day(self, day: date) -> None:
        if day != self._day:
            self._day = day
            output.write(f"-- {day:%A}, {day}\n")

    def _is_last(self, text: str) -> bool:
        """Whether the last line on the screen is the one by which this was said."""
        typed, lines = self._typed
        # A wide character takes two columns; a line that is broken is left alone.
        columns = len(typed) if typed.isascii() else 2 * len(typed)
        fits = typed.isprintable() and columns < shutil.get_terminal_size().columns
        return self._over and lines == output.lines and fits and typed.endswith(text)

    def _settle(self, event: UserPresence, text: str) -> None:
        nick = fold(event.nick)
        timer = self._unsettled.pop(nick, None)
        if timer is not None:
            timer.cancel()  # It is as it was before.
            return

        def tell() -> None:
            del self._unsettled[nick]
            try:
                output.write(text + "\n")
            except Exception as error:
                self._failed(error)

        self._unsettled[nick] = self._clock.callLater(SETTLED_S, tell)
