"""Storage that fails and disks that fill up, in their short forms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parent.parent.parent
CAN_NOT = 3


class StorageFaultsTests(TestCase):
    """The programs themselves."""

    def run_program(self, name: str, *arguments: str) -> str:
        """What it says when nothing was found."""
        done = subprocess.run(
            [sys.executable, f"benchmarks/{name}", *arguments],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        if done.returncode == CAN_NOT:
            raise SkipTest(done.stdout.strip())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_faults(self) -> None:
        """``storage_faults.py``: six faults, and nothing is lost."""
        said = self.run_program("storage_faults.py", "--faults", "6", "--jobs", "1")
        self.assertRegex(said, r"^6 faults in .*, 0 doubled, 0 lost,.* 0 violations")

    def test_full(self) -> None:
        """``full_disk.py``: full twice, once through a restart."""
        said = self.run_program("full_disk.py", "--times", "2")
        self.assertRegex(
            said, r"16 MiB: 2 full, 1 (not )?started while full; .* 0 violations"
        )
