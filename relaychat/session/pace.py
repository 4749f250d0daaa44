"""How fast a peer is read: a token bucket on a clock that is handed in."""

from __future__ import annotations

from collections.abc import Callable

from relaychat.session.limits import Rate


class Pace:
    """A token bucket. It looks at the clock only when it is empty."""

    __slots__ = ("_filled_us", "_rate", "_tokens")

    def __init__(self, rate: Rate, now_us: int) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._filled_us = now_us

    def take(self, clock: Callable[[], int]) -> float:
        """Take a token: 0 if there was one, else the seconds until there is."""
        if self._tokens < 1:
            now = clock()
            earned = (now - self._filled_us) * self._rate.per_s / 1e6
            self._filled_us = now
            self._tokens = min(float(self._rate.burst), self._tokens + earned)
            if self._tokens < 1:
                # A hair more than needed, or rounding would ask again at once.
                return (1 - self._tokens) / self._rate.per_s + 1e-6
        self._tokens -= 1
        return 0.0
