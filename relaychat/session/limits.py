"""Limits of one session (H27). Each has its unit and its reason."""

from __future__ import annotations

from msgspec import Struct


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
    """A token bucket: ``burst`` commands at once, refilled with ``per_s`` a second."""

    per_s: float
    burst: int


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of a session; the configuration may change each."""

    register_s: float = 10.0
    """From connecting to hello. A person types it within; a scanner does not stay."""
    idle_s: float = 15.0
    """Silence after which the peer is asked for a sign of life."""
    answer_s: float = 15.0
    """How long it has for it: with ``idle_s``, a dead connection is found in 30 s."""
    account_rate: Rate = Rate(per_s=50, burst=500)
    """Reading from accounts: a paste or a program's start is a burst, a flood is
    not."""
    guest_rate: Rate = Rate(per_s=5, burst=20)
    """Reading from guests, and before hello: faster than anybody types."""
    flight_commands: int = 256
    """Commands in the hub at a time: some turns' worth, so that pipelining pays."""
    flight_bytes: int = 256 * 1024
    """Bytes of frames in the hub at a time: four of the longest native lines."""

    def shown(self, line_bytes: int) -> dict[str, int]:
        """What a welcome says of them, to whoever speaks in lines of this length."""
        return {
            "line_bytes": line_bytes,
            "flight_commands": self.flight_commands,
            "flight_bytes": self.flight_bytes,
            "idle_s": round(self.idle_s),
            "answer_s": round(self.answer_s),
        }
