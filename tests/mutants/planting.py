"""Faults, planted in the product as it runs, and taken out again.

A mutant is a function that replaces some attributes of relaychat's classes and modules;
its docstring is the fault. The product has no switch for any of it. ``catch`` runs the
simulator on it, seed after seed, until a promise is seen to be broken::

    @mutant
    def two_of_a_device(plant: Plant) -> None:
        \"\"\"A new session of a device does not end the one before.\"\"\"
        plant(people, "_fence", lambda *_: None)

    caught = catch(two_of_a_device)
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.run import Result, run

SEEDS = 20
"""A fault that none of so many seeds shows is one that our proofs do not see."""
SAFETY = Options(minutes=1, pace=1.5, faults=2)
LIVENESS = Options(minutes=1, pace=1.5, faults=2, liveness=True)
ENDLESS_S = 30
"""Of the processor's time; a run takes half a second."""

Plant = Callable[[Any, str, object], None]
"""Have this attribute of an object be something else, for a while."""


class Mutant(Struct, frozen=True):
    """A fault, and the runs in which it is looked for."""

    name: str
    fault: str
    change: Callable[[Plant], None]
    options: Options


def mutant(change: Callable[[Plant], None]) -> Mutant:
    """Decorates a function that plants a fault which may be seen at any time."""
    return _mutant(change, SAFETY)


def delayed(change: Callable[[Plant], None]) -> Mutant:
    """The same, of a fault that is seen by what does not come, when all has healed."""
    return _mutant(change, LIVENESS)


def _mutant(change: Callable[[Plant], None], options: Options) -> Mutant:
    fault = " ".join((change.__doc__ or "").split())
    return Mutant(change.__name__.replace("_", " "), fault, change, options)


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """With the fault in the product."""
    before: list[tuple[Any, str, object]] = []

    def plant(owner: Any, name: str, value: object) -> None:
        before.append((owner, name, vars(owner)[name]))
        setattr(owner, name, value)

    try:
        mutant.change(plant)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


class Caught(Struct, frozen=True):
    """How a mutant was seen: after so many seeds, and by which promises."""

    seeds: int
    promises: tuple[str, ...]
    text: str


def catch(
    mutant: Mutant, seeds: int = SEEDS, limit_s: float = ENDLESS_S
) -> Caught | None:
    """Run it until it is seen; None if it never is. A run of which the processor has
    had enough after ``limit_s`` is seen, too."""
    with planted(mutant):
        for seed in range(1, seeds + 1):
            result = _bounded(seed, mutant.options, limit_s)
            if result is None:
                return Caught(seed, ("end",), "a run does not end")
            if not result.good:
                promises = dict.fromkeys(one.invariant for one in result.violations)
                return Caught(seed, tuple(promises), result.text)
    return None


def _bounded(seed: int, options: Options, limit_s: float) -> Result | None:
    """A run, or None if it does not come to its end."""
    before = signal.signal(signal.SIGVTALRM, _give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
    try:
        return run(seed, options)
    except Endless:
        return None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Endless(BaseException):
    """Out of whatever it is that goes on for ever; nobody on the way handles it."""


def _give_up(number: int, frame: object) -> None:
    raise Endless
