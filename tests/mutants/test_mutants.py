"""The proofs have teeth: a few mutants, the quick ones. ``benchmarks/mutants.py`` tries
them all."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import TestCase

from relaychat.hub.turn import Turn
from relaychat.store.api import Batch
from tests.mutants import promised, reading, telling, undo
from tests.mutants.every import MUTANTS
from tests.mutants.planting import SAFETY, SEEDS, Mutant, Plant, catch, mutant, planted

ROOT = Path(__file__).parent.parent.parent
QUICK = (
    promised.retry_with_new_id,
    undo.chain_not_restored,
    telling.own_voice_heard,
    reading.redacted_in_log,
)


@mutant
def endless(plant: Plant) -> None:
    """A commit never begins."""

    def batch(turn: Turn) -> Batch:
        while True:
            turn.index += 1

    plant(Turn, "batch", batch)


class MutantTests(TestCase):
    """``catch`` and ``planted``."""

    def test_caught(self) -> None:
        """Each of these faults is seen."""
        for one in QUICK:
            self.assertIsNotNone(catch(one), one.name)

    def test_without(self) -> None:
        """Without a fault nothing is seen on the same seeds."""
        sound = Mutant("sound", "None.", lambda plant: None, SAFETY)
        self.assertIsNone(catch(sound, 4))

    def test_endless(self) -> None:
        """A run that does not end is a fault that was seen."""
        caught = catch(endless, limit_s=0.5)
        assert caught is not None
        self.assertEqual(caught.promises, ("end",))

    def test_taken_out(self) -> None:
        """What was planted is taken out again."""
        batch = Turn.batch
        with planted(promised.ack_before_commit):
            self.assertIsNot(Turn.batch, batch)
        self.assertIs(Turn.batch, batch)

    def test_page(self) -> None:
        """The page has a row for each, in their order, as the benchmark prints it."""
        page = (ROOT / "docs" / "simulate.md").read_text()
        rows = re.findall(r"^\| ([^|]+) \| ([^|]+\.) \| (\d+) \| [^|]+ \|$", page, re.M)
        told = [(name, fault) for name, fault, _ in rows]
        self.assertEqual(told, [(one.name, one.fault) for one in MUTANTS])
        self.assertLessEqual(max(int(seeds) for _, _, seeds in rows), SEEDS)

    def test_described(self) -> None:
        """Each mutant has a name of its own and a sentence."""
        self.assertEqual(len({one.name for one in MUTANTS}), len(MUTANTS))
        for one in MUTANTS:
            self.assertTrue(one.fault.endswith("."), one.name)
