"""What happened in a run, as one digest: equal digests, equal runs."""

from __future__ import annotations

from hashlib import sha256

from relaychat.testing.world import SimulatedWorld


class Trace:
    """Everything that happens is noted with its time, and only its digest is kept."""

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        self._digest = sha256()
        self.events = 0

    def note(self, subject: str, data: bytes = b"") -> None:
        """Something happened now."""
        self.events += 1
        head = f"{self._world.monotonic_us()} {subject} {len(data)}\n"
        self._digest.update(head.encode() + data)

    def hexdigest(self) -> str:
        """SHA-256 over all that was noted."""
        return self._digest.hexdigest()
