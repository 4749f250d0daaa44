"""What a bot was given and has not answered for, in order. Without I/O.

A bot is given one line an event, and says ``done`` for each, in their order. What it
sends before a ``done`` belongs to that line: it goes into the outbox together with the
fact that the line is done. So after any crash either both happened or neither, and the
line comes again.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from relaychat.client.api import Client
from relaychat.client.outbox import Send

WINDOW = 16
"""Lines that a bot is given ahead of its answers."""
SENDS = 256
"""The most that may belong to one line."""


class TooMuch(Exception):
    """The bot said more than it may."""


class Deliveries:
    """See the module."""

    def __init__(self, client: Client, window: int = WINDOW) -> None:
        self._client = client
        self._window = window
        self._events: deque[tuple[Any, bool]] = deque()
        self._open = 0
        self._sends: list[Send] = []

    @property
    def full(self) -> bool:
        """Whether it has enough to do."""
        return self._open >= self._window

    @property
    def idle(self) -> bool:
        """Whether it has answered for everything."""
        return not self._open

    @property
    def oldest(self) -> Any:
        """What it has to answer for next; None if it is idle."""
        return None if self.idle else self._events[0][0]

    def give(self, event: Any) -> None:
        """It was given this."""
        self._events.append((event, True))
        self._open += 1

    def skip(self, event: Any) -> None:
        """This is not for it; it is done when all before it is."""
        self._events.append((event, False))
        self._skipped()

    def send(self, send: Send) -> None:
        """It wants to send something. Raises TooMuch, StateError."""
        if self.idle:
            self._client.send_all([send])
            return
        if len(self._sends) >= SENDS:
            raise TooMuch(f"more than {SENDS} messages for one line")
        self._sends.append(send)

    def done(self) -> None:
        """It is done with the oldest line. Raises TooMuch, StateError."""
        if self.idle:
            raise TooMuch("it said done without being given anything")
        event, _ = self._events.popleft()
        self._open -= 1
        self._client.done(event)
        sends, self._sends = self._sends, []
        if sends:
            self._client.send_all(sends)
        self._skipped()

    def _skipped(self) -> None:
        while self._events and not self._events[0][1]:
            self._client.done(self._events.popleft()[0])


class Bucket:
    """How much may be said: ``rate`` a second in the long run, ``burst`` at once."""

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._left = burst
        self._at_s = now_s

    def take(self, now_s: float) -> float:
        """Take one. Returns the seconds to wait before the next, 0 for none."""
        earned = (now_s - self._at_s) * self._rate_per_s
        self._left = min(self._burst, self._left + earned) - 1
        self._at_s = now_s
        return max(0.0, (1 - self._left) / self._rate_per_s)
