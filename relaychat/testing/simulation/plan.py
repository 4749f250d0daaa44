"""What is to happen in a run: a list of items, each with chance of its own.

An item is drawn from its number alone, and draws from its own seed when its time comes.
So any of them can be left out, and the others stay what they were.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from relaychat.testing.simulation.options import Options

DEEDS_PER_CLIENT_MINUTE = 15.0
FAULTS_PER_MINUTE = 8.0
TOGETHER = 0.5
"""How much of all comes at a full second: the network scatters it over some turns, and
what is decided in one turn, or fails there, has seams that nothing else has."""

DEEDS = {
    "speak": 46, "direct": 6, "edit": 5, "redact": 6, "react": 4, "join": 9, "part": 4,
    "rename": 4, "topic": 3, "role": 3, "kick": 2, "invite": 2, "ban": 2, "policy": 5,
    "away": 1, "typing": 3, "mark": 2, "history": 12, "ask": 3, "bye": 2,
}  # fmt: skip
"""What people do, and how often; what somebody's client can't do, they don't."""

FAULTS = {
    "cut": 20, "cut all": 2, "half-open": 5, "deaf": 4, "half-close": 5,
    "stop reading": 12, "slow line": 6, "isolate": 6, "latency": 4, "client crash": 8,
    "kill": 4, "kill before commit": 3, "kill after commit": 4, "power": 2, "stop": 2,
    "disk full": 3, "failing commits": 6, "slow disk": 4, "doubt, kept": 2,
    "doubt, lost": 2, "clock": 4, "busy": 3,
}  # fmt: skip
"""What goes wrong, and how often."""


class Item(NamedTuple):
    """Something that is to happen."""

    at_us: int
    number: int
    fault: bool
    what: str
    who: int
    """Whom it befalls, as an index of the people."""

    def __str__(self) -> str:
        return f"{self.number}: {self.what} ({self.who}) at {self.at_us / 1e6:.3f} s"


def plan(seed: str, options: Options) -> list[Item]:
    """Everything that is to happen, in its order."""
    minutes, clients = options.minutes, options.clients
    deeds = round(minutes * clients * DEEDS_PER_CLIENT_MINUTE * options.pace)
    faults = round(minutes * FAULTS_PER_MINUTE * options.faults)
    kept = None if options.keep is None else frozenset(options.keep)
    items = [
        _drawn(seed, options, number, number >= deeds)
        for number in range(deeds + faults)
        if kept is None or number in kept
    ]
    return sorted(item for item in items if item.at_us < options.length_s * 1e6)


def _drawn(seed: str, options: Options, number: int, fault: bool) -> Item:
    chance = random.Random(f"{seed} item {number}")
    at_us = chance.randrange(round(options.minutes * 60e6))
    if chance.random() < TOGETHER:
        at_us -= at_us % 1_000_000
    kinds = FAULTS if fault else DEEDS
    what = chance.choices(list(kinds), list(kinds.values()))[0]
    return Item(at_us, number, fault, what, chance.randrange(options.clients))


def ranges(numbers: Sequence[int]) -> str:
    """Numbers as people write them: ``1-3,7``."""
    pieces: list[list[int]] = []
    for number in sorted(numbers):
        if pieces and pieces[-1][1] == number - 1:
            pieces[-1][1] = number
        else:
            pieces.append([number, number])
    return ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in pieces
    )


def numbers(text: str) -> tuple[int, ...]:
    """What ``ranges`` wrote. Raises ValueError."""
    found: list[int] = []
    for piece in filter(None, text.split(",")):
        first, _, last = piece.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)
