"""Many runs, on all processors."""

from __future__ import annotations

import gc
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
    with ProcessPoolExecutor(jobs, initializer=_collect_rarely) as pool:
        yield from pool.map(_run, cases)


def _collect_rarely() -> None:
    """A run keeps nearly all that it makes to its end: to look through it as often as
    Python does costs a twentieth of the time, for nothing."""
    gc.set_threshold(50_000, 50, 50)


def _run(case: Case) -> Result:
    return run(case.seed, case.options, case.items)
