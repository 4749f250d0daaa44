"""A process of the simulated world: what it waits for ends with it."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable

from relaychat.testing.world import SimulatedTimer, SimulatedWorld


class Process:
    """A ``World`` for one process, from its start to its death.

    Nothing that a dead process asked for is ever called. What it raises out of a call
    is reported and not raised further, as a reactor does it.
    """

    def __init__(
        self, world: SimulatedWorld, seed: str, report: Callable[[str], None]
    ) -> None:
        self.alive = True
        self.busy_us = 0
        """What every look at the clock seems to cost, while the machine is busy."""
        self._world = world
        self._random = random.Random(seed)
        self._report = report
        self._shown_us = 0

    def now_ms(self) -> int:
        """The machine's wall clock."""
        return self._world.now_ms()

    def monotonic_us(self) -> int:
        """Microseconds that never go back."""
        now_us = self._world.monotonic_us()
        if not self.busy_us:
            return max(now_us, self._shown_us)
        self._shown_us = max(now_us, self._shown_us + self.busy_us)
        return self._shown_us

    def later(self, seconds: float, call: Callable[[], None]) -> SimulatedTimer:
        """Call once, after so many seconds, if it still lives then."""
        return self._world.later(seconds, lambda: self.call(call))

    def token_bytes(self, size: int) -> bytes:
        """So many bytes, the same ones for the same seed."""
        return self._random.randbytes(size)

    def call(self, call: Callable[[], object]) -> None:
        """Let it do something."""
        if not self.alive:
            return
        try:
            call()
        except Exception:
            self._report(f"a call failed\n{traceback.format_exc()}")

    def kill(self) -> None:
        """It is dead from now on, also for the rest of what it is doing."""
        self.alive = False
