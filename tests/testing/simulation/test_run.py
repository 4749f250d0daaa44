"""Whole runs: the same seed is the same run, and what must hold holds."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import TestCase

from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.plan import plan
from relaychat.testing.simulation.run import run

ONE = (
    "from relaychat.testing.simulation.run import run;"
    "from relaychat.testing.simulation.options import Options;"
    "print(run({seed}, Options(minutes={minutes})).trace)"
)


class RunTests(TestCase):
    """``run``."""

    def trace_elsewhere(self, seed: int, minutes: float, hash_seed: str) -> str:
        """The trace of a run in another process."""
        code = ONE.format(seed=seed, minutes=minutes)
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env=environment,
            text=True,
        )
        return done.stdout.strip()

    def test_same_seed(self) -> None:
        """The same seed gives the same trace, here and in processes with other hash
        seeds."""
        here = run(3, Options(minutes=1))
        self.assertEqual(run(3, Options(minutes=1)).trace, here.trace)
        for hash_seed in ("1", "2"):
            self.assertEqual(self.trace_elsewhere(3, 1, hash_seed), here.trace)

    def test_other_seed(self) -> None:
        """Another seed is another run."""
        one, other = [run(seed, Options(minutes=0.1)) for seed in (1, 2)]
        self.assertNotEqual(one.trace, other.trace)

    def test_items(self) -> None:
        """What is to happen may be given; it is what would have been planned, or
        not."""
        options = Options(minutes=0.5)
        planned = run(2, options)
        self.assertEqual(run(2, options, plan("2", options)).trace, planned.trace)
        self.assertEqual(run(2, options, []).figures.get("messages", 0), 0)

    def test_safety(self) -> None:
        """Whatever goes wrong, no promise is broken; and much went wrong."""
        faults = messages = 0
        for seed in range(1, 5):
            result = run(seed, Options(minutes=2))
            self.assertEqual(result.text, "", f"seed {seed}")
            faults += sum(result.faults.values())
            messages += result.figures["messages"]
        self.assertGreater(faults, 40)
        self.assertGreater(messages, 1000)

    def test_liveness(self) -> None:
        """Once all faults are over, everybody comes back, and has everything."""
        for seed in range(11, 14):
            result = run(seed, Options(minutes=1, liveness=True))
            self.assertEqual(result.text, "", f"seed {seed}")
            self.assertGreater(result.figures["acknowledged"], 100)
