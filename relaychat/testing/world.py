"""A world of one's own: simulated time and seeded chance (``relaychat.model.world``).

Nothing in it happens by itself: a test says how far time goes, and calls are made in
the order of their times, first come first served among equal ones. The same seed and
the same calls give the same run, always.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

START_MS = 1_600_000_000_000
"""What the wall clock shows at first, in ms since 1970."""
CALLS_AT_ONCE = 1_000_000
"""More calls than this without any time passing are a loop that never ends."""


class SimulatedTimer:
    """A call that is still to come."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Forget it. Harmless when it has fired or was cancelled before."""
        self.call = None


class SimulatedWorld:
    """A clock that stands still, chance that repeats itself, and calls to come."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._now_us = 0
        self._wall_us = START_MS * 1000
        self._order = count()
        self._timers: list[tuple[int, int, SimulatedTimer]] = []
        """When each is due, and the order in which they were asked for."""

    def now_ms(self) -> int:
        """Wall-clock time, milliseconds since 1970."""
        return (self._wall_us + self._now_us) // 1000

    def set_wall(self, now_ms: int) -> None:
        """Step the wall clock, forward or back, as an administrator might. Nothing that
        is measured or awaited changes."""
        self._wall_us = now_ms * 1000 - self._now_us

    def monotonic_us(self) -> int:
        """Microseconds since the world began."""
        return self._now_us

    def later(self, seconds: float, call: Callable[[], None]) -> SimulatedTimer:
        """Call once, after so many seconds."""
        due_us = self._now_us + max(0, round(seconds * 1_000_000))
        timer = SimulatedTimer(call)
        heappush(self._timers, (due_us, next(self._order), timer))
        return timer

    def token_bytes(self, size: int) -> bytes:
        """So many bytes, the same ones for the same seed."""
        return self._random.randbytes(size)

    def run(self) -> None:
        """Make all calls that are due now, and those that they ask for at once."""
        self.advance(0)

    def advance(self, seconds: float) -> None:
        """Let time pass, with every call at its own time.

        Raises RuntimeError when calls ask for more calls without end.
        """
        until_us = self._now_us + round(seconds * 1_000_000)
        made = 0
        while self._timers and self._timers[0][0] <= until_us:
            due_us, _, timer = heappop(self._timers)
            if timer.call is None:
                continue
            made = made + 1 if due_us == self._now_us else 0
            if made > CALLS_AT_ONCE:
                raise RuntimeError("these calls ask for more calls without end")
            self._now_us = due_us
            call, timer.call = timer.call, None
            call()
        self._now_us = until_us

    def next_us(self) -> int | None:
        """When the next call is due, on the monotonic clock; None when none is."""
        while self._timers and self._timers[0][2].call is None:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None
