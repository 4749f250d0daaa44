"""A dialect's timers: calls to come, none of which comes once its session is over."""

from __future__ import annotations

from collections.abc import Callable

from relaychat.model.errors import TooMany
from relaychat.model.world import Timer, World

TIMERS = 64
"""Of one session at a time, 200 bytes each: a peer that makes its dialect set one with
every line is bounded."""


class Due:
    """A call to come."""

    __slots__ = ("_timer", "_timers")

    def __init__(
        self, timers: Timers, seconds: float, call: Callable[[], None]
    ) -> None:
        self._timers = timers

        def fire() -> None:
            timers.waiting.discard(self)
            call()

        self._timer: Timer = timers.world.later(seconds, fire)

    def cancel(self) -> None:
        """Forget it. Harmless when it has fired or was cancelled before."""
        self._timers.waiting.discard(self)
        self._timer.cancel()


class Timers:
    """Those of one session."""

    __slots__ = ("waiting", "world")

    def __init__(self, world: World) -> None:
        self.world = world
        self.waiting: set[Due] = set()

    def later(self, seconds: float, call: Callable[[], None]) -> Due:
        """Call once, after so many seconds. Raises TooMany."""
        if len(self.waiting) >= TIMERS:
            raise TooMany("this session has as many timers as it can")
        due = Due(self, seconds, call)
        self.waiting.add(due)
        return due

    def stop(self) -> None:
        """Forget all."""
        for due in list(self.waiting):
            due.cancel()
