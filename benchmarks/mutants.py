"""Faults planted in the relay, to see that the simulator and its judge find them.

Each mutant (``tests/mutants``) is simulated in a process of its own, seed after seed,
one minute each, until it is seen to break a promise. The relay as it is has to keep all
of them on the same seeds.

    python benchmarks/mutants.py [--seeds 20] [--jobs 2] [--only WORD] [--table]

One line of figures; the exit code is 1 if a mutant survives, or the relay itself fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from relaychat.testing.simulation.run import run
from tests.mutants.every import MUTANTS
from tests.mutants.planting import LIVENESS, SAFETY, SEEDS, Caught, catch


class Tried(NamedTuple):
    """What came of a mutant."""

    number: int
    caught: Caught | None


def attempt(seeds: int, number: int) -> Tried:
    """Look for one mutant."""
    return Tried(number, catch(MUTANTS[number], seeds))


def sound(seed: int) -> str:
    """What is wrong with the relay as it is, on this seed; empty for nothing."""
    return "\n".join(run(seed, options).text for options in (SAFETY, LIVENESS)).strip()


def table(tried: list[Tried]) -> Iterator[str]:
    """The mutants and how they were seen, for a page."""
    yield "| mutant | the fault | seen after | by |"
    yield "| --- | --- | --- | --- |"
    for number, caught in sorted(tried):
        mutant = MUTANTS[number]
        after, by = (caught.seeds, caught.promises) if caught else ("never", ())
        yield f"| {mutant.name} | {mutant.fault} | {after} | {', '.join(by)} |"


def main() -> None:
    """Try all, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="for each, at most")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", default="", help="mutants with this word in the name")
    parser.add_argument("--table", action="store_true", help="print it for a page")
    options = parser.parse_args()
    wanted = [n for n, one in enumerate(MUTANTS) if options.only in one.name]
    begun, tried = time.monotonic(), []
    with get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        attempts = partial(attempt, options.seeds)
        for one in pool.imap_unordered(attempts, wanted):
            tried.append(one)
            if one.caught is None:
                print(f"survived: {MUTANTS[one.number].name}", file=sys.stderr)
        wrong = list(filter(None, pool.imap(sound, range(1, options.seeds + 1))))
    print(*wrong, sep="\n", end="", file=sys.stderr)
    if options.table:
        print(*table(tried), sep="\n")
    seeds = [one.caught.seeds for one in tried if one.caught]
    print(
        f"{len(tried)} mutants: {len(seeds)} caught, after at most"
        f" {max(seeds, default=0)} seeds; the relay itself fails on {len(wrong)} of"
        f" {options.seeds}; {time.monotonic() - begun:.0f} s"
    )
    sys.exit(len(seeds) < len(tried) or bool(wrong))


if __name__ == "__main__":
    main()
