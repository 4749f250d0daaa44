"""From a large failure to a small one."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from relaychat.testing.checker import Counts, Violation
from relaychat.testing.simulation.case import Case, case_of, read, write
from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.plan import plan
from relaychat.testing.simulation.run import Result
from relaychat.testing.simulation.shrink import Shrinking

GUILTY = {item.number for item in plan("1", Options(minutes=1))[3:5]}


def attempt(seed: int, options: Options) -> Result:
    """A run that fails where both guilty items and person 3 take part."""
    numbers = {item.number for item in plan(str(seed), options)}
    here = options.present is None or 3 in options.present
    fails = numbers >= GUILTY and here and options.length_s >= 7
    found = [Violation("I1", "lost")] if fails else []
    return Result(seed, options, found, "", 0, 0.0, 0.0, {}, {}, Counts())


class ShrinkTests(TestCase):
    """``Shrinking``, and cases."""

    def test_shrink(self) -> None:
        """Only what the failure needs is left."""
        failed = attempt(1, Options(minutes=1))
        small = Shrinking(failed, 500, attempt).shrink()
        self.assertEqual(set(small.options.keep or ()), GUILTY)
        self.assertEqual(small.options.present, (3,))
        self.assertEqual(small.options.until_s, 7.5)

    def test_bounded(self) -> None:
        """It stops after so many tries, with what it has."""
        failed = attempt(1, Options(minutes=1))
        small = Shrinking(failed, 3, attempt).shrink()
        self.assertTrue(small.violations)

    def test_command(self) -> None:
        """A case says how it is run again, with all that decides how it goes."""
        options = Options(1.5, 8, True, "my.toml", 2, 0.5, (1, 2, 3), (), 30)
        self.assertEqual(
            Case(4, options).command(),
            "relaychat simulate --seed 4 --minutes 1.5 --clients 8 --pace 2 "
            "--faults 0.5 --liveness --config my.toml --until 30 --present none "
            "--keep 1-3",
        )

    def test_file(self) -> None:
        """A case is kept in a file."""
        case = case_of(attempt(1, Options(minutes=1)))
        self.assertEqual(case.found, ("I1: lost",))
        self.assertEqual(list(case.items or ()), plan("1", Options(minutes=1)))
        path = Path(self.mktemp())
        write(case, path)
        self.assertEqual(read(path), case)
