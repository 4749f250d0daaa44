"""From a run that fails to a small one that fails alike: fewer items of the plan, fewer
people, less time. What is left out leaves the rest as it was (see ``plan``)."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec.structs import replace

from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.plan import plan
from relaychat.testing.simulation.run import Result, run

RUNS = 150
"""Tries, at most: a minute or two."""

_SEEN_AT = re.compile(r"at ([0-9.]+) s: ")
Try = Callable[[int, Options], Result]


class Shrinking:
    """The search. ``found`` is the smallest failing run so far."""

    def __init__(self, failed: Result, runs: int = RUNS, attempt: Try = run) -> None:
        self.found = failed
        self.left = runs
        self._promises = {one.invariant for one in failed.violations}
        self._attempt = attempt

    def shrink(self) -> Result:
        """Search until nothing can be left out, or the tries are used up."""
        self._end_with_the_breach()
        self._shorten()
        seed, options = self.found.seed, self.found.options
        items = [item.number for item in plan(str(seed), options)]
        self._reduce(items, lambda kept: replace(self.found.options, keep=kept))
        people = list(options.present or range(options.clients))
        self._reduce(people, lambda here: replace(self.found.options, present=here))
        self._shorten()
        return self.found

    def _fails(self, options: Options) -> bool:
        if self.left <= 0:
            return False
        self.left -= 1
        result = self._attempt(self.found.seed, options)
        if not self._promises.intersection(one.invariant for one in result.violations):
            return False
        self.found = result
        return True

    def _end_with_the_breach(self) -> None:
        """Stop right behind the first breach, where it was seen as it happened."""
        times = [_SEEN_AT.match(one.text) for one in self.found.violations]
        seen = [float(time[1]) for time in times if time]
        if seen and not self.found.options.liveness:
            until_s = round(min(seen) + 0.01, 3)
            self._fails(replace(self.found.options, until_s=until_s))

    def _shorten(self) -> None:
        """Halve the time, while it still fails."""
        while True:
            options = self.found.options
            shorter_s = round(options.length_s / 2, 3)
            if shorter_s < 1 or not self._fails(replace(options, until_s=shorter_s)):
                return

    def _reduce(
        self, things: list[int], having: Callable[[tuple[int, ...]], Options]
    ) -> None:
        """Leave out pieces, large ones first (delta debugging)."""
        size = max(1, len(things) // 2)
        while self.left > 0:
            at, smaller = 0, False
            while at < len(things):
                rest = things[:at] + things[at + size :]
                if self._fails(having(tuple(sorted(rest)))):
                    things, smaller = rest, True
                else:
                    at += size
            if size == 1 and not smaller:
                return
            size = max(1, size // 2)
