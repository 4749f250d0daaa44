"""Many runs, on all processors."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from relaychat.testing.simulation.case import Case
from relaychat.testing.simulation.run import Result, run


def run_many(cases: Sequence[Case], jobs: int = 0) -> Iterator[Result]:
    """The result of each, in their order; ``jobs`` at a time, 0 for one on each
    processor."""
    jobs = min(jobs or os.cpu_count() or 1, len(cases))
    if jobs <= 1:
        yield from map(_run, cases)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_run, cases)


def _run(case: Case) -> Result:
    return run(case.seed, case.options, case.items)
