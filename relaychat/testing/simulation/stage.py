"""What everybody in a simulation shares."""

from __future__ import annotations

from collections import Counter

from relaychat.app.config import Config
from relaychat.testing.checker import Violation
from relaychat.testing.simulation.climate import disk_of
from relaychat.testing.simulation.network import Network
from relaychat.testing.simulation.server import Server
from relaychat.testing.simulation.sockets import Weather
from relaychat.testing.simulation.trace import Trace
from relaychat.testing.world import SimulatedWorld

FOUND_LIMIT = 5
"""Breaches of each promise that are kept of a run: the first is the one to look at."""


class Stage:
    """See the module. ``seed`` is what all chance in the run begins with."""

    def __init__(self, seed: str, config: Config, weather: Weather) -> None:
        self.seed = seed
        self.world = SimulatedWorld()
        self.trace = Trace(self.world)
        self.network = Network(self.world, self.trace, weather)
        self.disk = disk_of(seed)
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self._found: Counter[str] = Counter()
        self.config = config
        self.server = Server(
            self.world, self.network, self.disk, config, f"{seed} server", self.report
        )

    @property
    def now_us(self) -> int:
        """Simulated time since the run began."""
        return self.world.monotonic_us()

    def report(self, promise: str, text: str) -> None:
        """Something that must never happen has happened."""
        self.trace.note("violation", text.encode())
        self._found[promise] += 1
        if self._found[promise] <= FOUND_LIMIT:
            at = f"at {self.now_us / 1e6:.6f} s: "
            self.violations.append(Violation(promise, at + text))
