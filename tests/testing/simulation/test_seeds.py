"""Runs that failed once, and never again. Each file of ``tests/testing/seeds`` was
shrunk from a failure, and is named after what was wrong."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from relaychat.testing.simulation.case import read
from relaychat.testing.simulation.run import run

SEEDS = Path(__file__).parent.parent / "seeds"


class SeedTests(TestCase):
    """All of them."""

    def test_seeds(self) -> None:
        """Whatever was wrong is so no more."""
        paths = sorted(SEEDS.glob("*.json"))
        self.assertTrue(paths)
        for path in paths:
            case = read(path)
            result = run(case.seed, case.options, case.items)
            self.assertEqual(result.text, "", path.name)
