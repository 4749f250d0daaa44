"""What a run is given: everything that decides how it goes, beside its seed."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Options(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The whole option set of a run. The same options and the same seed are the same
    run, on any machine."""

    minutes: float = 10.0
    """Simulated minutes in which things happen."""
    clients: int = 12
    """People: natives and IRC clients, with and without an account."""
    liveness: bool = False
    """Let all faults end, and then demand that everything comes to rest."""
    config: str = ""
    """The relay's configuration file; empty for one that is drawn from the seed."""
    pace: float = 1.0
    """How much people do, as a factor."""
    faults: float = 1.0
    """How many faults there are, as a factor."""
    keep: tuple[int, ...] | None = None
    """Of what was planned, only these items, by number; None for all."""
    present: tuple[int, ...] | None = None
    """Of the people, only these, by number; None for all."""
    until_s: float = 0.0
    """Stop so early, in simulated seconds; 0 for when all that was planned is done."""

    @property
    def length_s(self) -> float:
        """Simulated seconds in which things happen."""
        return self.until_s or self.minutes * 60

    def json(self) -> str:
        """All of it, for a file or a message."""
        return msgspec.json.encode(self).decode()
