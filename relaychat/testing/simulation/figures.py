"""What many runs come to, in one line."""

from __future__ import annotations

import time
from collections import Counter

import msgspec

from relaychat.testing.simulation.run import Result

WORDS = {
    "I1": "lost", "I3": "doubled", "I4": "reordered", "I6": "reordered",
    "I7": "reordered", "I5": "silently missing", "I9": "silently missing",
}  # fmt: skip
"""What the breach of a promise is called; all others are ``other breaches``."""
NAMED = ("lost", "doubled", "reordered", "silently missing", "other breaches")


class Figures:
    """Sums over runs."""

    def __init__(self) -> None:
        self.seeds = 0
        self.simulated_s = 0.0
        self.faults: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.breaches = dict.fromkeys(NAMED, 0)
        self._began = time.perf_counter()

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not any(self.breaches.values())

    def add(self, result: Result) -> None:
        """One more run."""
        self.seeds += 1
        self.simulated_s += result.simulated_s
        self.faults.update(result.faults)
        self.counts.update(result.figures)
        for one in result.violations:
            self.breaches[WORDS.get(one.invariant, NAMED[-1])] += 1

    @property
    def took_s(self) -> float:
        """Seconds since the first run began."""
        return time.perf_counter() - self._began

    def line(self) -> str:
        """All in one line."""
        breaches = ", ".join(f"{count} {word}" for word, count in self.breaches.items())
        return (
            f"{self.seeds} seeds, {self.simulated_s / 3600:.1f} h simulated: "
            f"{self.faults.total():,} faults, {self.counts['messages']:,} messages, "
            f"{self.counts['acknowledged']:,} acknowledged, "
            f"{self.counts['deliveries']:,} deliveries seen; {breaches}; "
            f"{self.took_s:.0f} s"
        )

    def json(self) -> str:
        """The same, and the faults by kind, for programs."""
        figures = {
            "seeds": self.seeds,
            "simulated_h": round(self.simulated_s / 3600, 3),
            "faults": dict(sorted(self.faults.items())),
            "counts": dict(sorted(self.counts.items())),
            "breaches": self.breaches,
            "took_s": round(self.took_s, 1),
        }
        return msgspec.json.encode(figures).decode()
