"""What the core may not take for itself: time, chance and later.

Core packages are handed a World. The server's is in ``relaychat.app``; the simulator's
and the tests' in ``relaychat.testing``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Forget it. Harmless when it has fired or was cancelled before."""


class World(Protocol):
    """A clock, a source of randomness, and a way to be called later."""

    def now_ms(self) -> int:
        """Wall-clock time, milliseconds since 1970 (UTC). For display, never
        for order."""

    def monotonic_us(self) -> int:
        """Microseconds that never go back. For timeouts and rates."""

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call once, after so many seconds; 0 is after what is under way now."""

    def token_bytes(self, size: int) -> bytes:
        """So many unpredictable bytes."""
