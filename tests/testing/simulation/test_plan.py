"""What is planned: items that don't depend on each other."""

from __future__ import annotations

from msgspec.structs import replace
from twisted.trial.unittest import TestCase

from relaychat.testing.simulation.deeds import IRC, NATIVE
from relaychat.testing.simulation.faults import FAULTS as DONE
from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.plan import DEEDS, FAULTS, numbers, plan, ranges


class PlanTests(TestCase):
    """``plan``."""

    def test_keep(self) -> None:
        """What is left of a plan is as it was."""
        options = Options(minutes=1)
        whole = plan("7", options)
        some = plan("7", replace(options, keep=(3, 20, 110)))
        self.assertEqual(some, [item for item in whole if item.number in (3, 20, 110)])
        self.assertEqual(len(some), 3)

    def test_order(self) -> None:
        """Items come by their times, within the time there is."""
        items = plan("7", Options(minutes=0.5))
        self.assertEqual(items, sorted(items))
        self.assertLess(items[-1].at_us, 30_000_000)

    def test_tables(self) -> None:
        """Everything that is planned can be done, and nothing else can."""
        self.assertEqual(set(DEEDS), set(NATIVE))
        self.assertLessEqual(set(IRC), set(DEEDS))
        self.assertEqual(set(FAULTS), set(DONE))

    def test_ranges(self) -> None:
        """Lists of numbers are written and read."""
        self.assertEqual(ranges([7, 1, 2, 3]), "1-3,7")
        self.assertEqual(numbers("1-3,7"), (1, 2, 3, 7))
        self.assertEqual((ranges([]), numbers("")), ("", ()))
