"""What every decision may look at beside the state."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from relaychat.hub.hooks import Hooks
from relaychat.hub.limits import Limits
from relaychat.model.events import FactoryEntry
from relaychat.model.world import World


class Counts(Struct):
    """What the hub has done since its start."""

    started_us: int = 0
    turns: int = 0
    commands: int = 0
    events: int = 0
    healthy: bool = True


class House(Struct, frozen=True):
    """What every decision may look at beside the state."""

    server: str
    world: World
    limits: Limits
    hooks: Hooks
    counts: Counts
    features: tuple[str, ...] = ()
    factories: Callable[[], tuple[FactoryEntry, ...]] = tuple
    """What goes on at listeners beside the hub, for ``status``."""
